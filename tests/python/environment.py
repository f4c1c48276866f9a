#!/usr/bin/env python3
"""Builds the wheel and runs the Python tests from an empty virtual environment, never from the source tree.

  environment.py wheel --work DIR        build the wheel, make a new environment and install it there
  environment.py run --work DIR TEST...  pytest in that environment, away from the source tree
  environment.py cocoindex --work DIR    the published cocoindex on our drop-in, and on the peer's module beside it
  environment.py types --work DIR        mypy over what was installed and over two examples, one on the drop-in; pyright over both
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def call(*command, **options):
    print("+", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True, **options)


def make_venv(path):
    """Without pip of its own: the tools' pip installs into it, which saves seconds."""
    shutil.rmtree(path, ignore_errors=True)
    call(sys.executable, "-m", "venv", "--without-pip", path)


class Work:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.dist = self.folder / "dist"
        self.venv = self.folder / "venv"
        self.tools = self.folder / "tools"

    def python(self, venv):
        return venv / "bin" / "python"

    def pip_install(self, venv, *what):
        call(self.python(self.tools), "-m", "pip", "--python", self.python(venv), "install", "-q", *what)

    def need_tools(self):
        """Kept between runs; made anew when the list or the interpreter changed."""
        wanted = (HERE / "requirements.txt").read_text() + sys.version
        stamp = self.tools / "stamp"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutil.rmtree(self.tools, ignore_errors=True)
        call(sys.executable, "-m", "venv", self.tools)
        call(self.python(self.tools), "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt")
        stamp.write_text(wanted)

    def wheel(self):
        self.need_tools()
        shutil.rmtree(self.dist, ignore_errors=True)
        path = f"{self.tools / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {
            **os.environ,
            "PATH": path,
            "CCACHE_BASEDIR": str(ROOT),
            "CCACHE_NOHASHDIR": "1",
            # As CMake finds it, not as Python was built: the same name, or ccache knows nothing of the other builds.
            "CC": os.environ.get("CC", "cc"),
            "CXX": os.environ.get("CXX", "c++"),
            "CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count()),
        }
        build = [self.python(self.tools), "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", self.dist]
        call(*build, ROOT, env=environment)
        call(*build, ROOT / "packaging" / "dropin", env=environment)
        make_venv(self.venv)
        self.pip_install(self.venv, *self.dist.glob("cocozvec-*.whl"), "pytest", "ml_dtypes")

    def run(self, tests, isolated=True):
        """Nothing of the source tree can be imported: isolated mode, and a folder of its own."""
        place = self.folder / "run"
        place.mkdir(exist_ok=True)
        command = [self.python(self.venv), *(["-I"] if isolated else []), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        call(*command, "--import-mode=importlib", f"--rootdir={HERE}", *[HERE / test for test in tests], cwd=place)

    def cocoindex(self):
        published = (HERE / "cocoindex.txt").read_text().splitlines()
        for name, packages in {
            "OURS": [*self.dist.glob("*.whl"), published[0]],
            "PEER": published,
        }.items():
            venv = self.folder / f"cocoindex-{name.lower()}"
            make_venv(venv)
            self.pip_install(venv, "numpy", *packages)
            os.environ[f"COCO_{name}"] = str(self.python(venv))
        self.run(["test_cocoindex.py", "test_beside_peer.py"], isolated=False)

    def peers(self):
        """For ./dev bench python."""
        venv = self.folder / "peers"
        make_venv(venv)
        published = (HERE / "cocoindex.txt").read_text().splitlines()
        self.pip_install(venv, "numpy", "hnswlib==0.8.0", published[1])

    def types(self):
        mypy = [self.python(self.tools), "-m", "mypy", "--python-executable", self.python(self.venv), "--strict"]
        cache = ["--cache-dir", self.folder / "mypy"]
        call(*mypy, *cache, "-p", "cocozvec.zvec", cwd=self.folder)
        call(*mypy, *cache, HERE / "typed_example.py", cwd=self.folder)
        dropin = self.folder / "typed-dropin"
        make_venv(dropin)
        self.pip_install(dropin, *self.dist.glob("*.whl"))
        programs = [(self.venv, HERE / "typed_example.py"), (dropin, HERE / "typed_dropin.py")]
        mypy[mypy.index("--python-executable") + 1] = self.python(dropin)
        call(*mypy, *cache, programs[1][1], cwd=self.folder)
        self.pyright(programs)

    def pyright(self, programs):
        """A second opinion, where it can be had: the package fetches a program of its own."""
        python = self.python(self.tools)
        tries = ([python, "-m", "pip", "install", "-q", "pyright==1.1.414"], [python, "-m", "pyright", "--version"])
        if any(subprocess.run(list(map(str, step)), check=False, timeout=120).returncode for step in tries):
            print("pyright cannot be installed here: not run")
            return
        for venv, program in programs:
            call(python, "-m", "pyright", "--pythonpath", self.python(venv), program, cwd=self.folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["wheel", "run", "cocoindex", "types", "peers"])
    parser.add_argument("--work", required=True)
    parser.add_argument("tests", nargs="*")
    arguments = parser.parse_intermixed_args()
    work = Work(arguments.work)
    if arguments.command == "run":
        work.run(arguments.tests)
    else:
        getattr(work, arguments.command)()


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"failed with {error.returncode}: {' '.join(map(str, error.cmd))}")
