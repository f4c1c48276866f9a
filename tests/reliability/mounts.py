"""What the drivers on real file systems share: a mount namespace of their own, images, being skipped with a reason."""

import os
import shutil
import subprocess
import sys
import time

SKIPPED = 77
SIZES = {"ext4": 64 << 20, "xfs": 320 << 20}
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(SKIPPED)


def call(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def enter_namespace(*programs):
    """Runs this program again in a mount namespace of its own: mounts vanish with it. Returns in there."""
    if os.environ.get("RELIABILITY_INSIDE") == "1":
        return
    if os.geteuid() != 0:
        skip("only root can mount")
    for program in ("unshare", *programs):
        if not shutil.which(program):
            skip(f"{program} is not installed")
    if call("unshare", "-m", "true").returncode != 0:
        skip("no mount namespace")
    done = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv],
                          env=os.environ | {"RELIABILITY_INSIDE": "1"}, check=False)
    sys.exit(done.returncode)


def make_image(path, kind, size):
    if os.path.exists(path):
        os.remove(path)
    with open(path, "wb") as file:
        file.truncate(size)
    made = call(*MAKE[kind], path)
    if made.returncode != 0:
        skip(f"{MAKE[kind][0]}: {made.stderr.strip()}")


def unmount(path):
    for _ in range(50):
        if call("umount", path).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"{path} stays mounted")


def clean_environment(fault=""):
    env = {k: v for k, v in os.environ.items() if not k.startswith("COCOZVEC_")}
    return env | ({"COCOZVEC_FAULT": fault} if fault else {})
