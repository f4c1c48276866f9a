"""No room: a message and an exit code, what was acknowledged stays, and with room again the next run makes it good."""

import contextlib
import os
import resource
import shutil
import subprocess
import unittest

from support import DONE, FAILED, PARTLY, CliTest, main, run


def file_size_limit(size):
    """For preexec_fn: no file of the process may grow beyond this; stands in for a full disk where nothing may be mounted."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


class FullDisk(CliTest):
    def setUp(self):
        super().setUp()
        self.fill("some words of the first version")

    def fill(self, text):
        for i in range(60):
            self.write(f"{i:02}.txt", f"document number {i}, {text}. " * 40)

    def check_failure(self, result):
        self.assertIn(result.code, (FAILED, PARTLY), result.err)
        self.assertNotEqual(result.json["errors"], [])
        # LMDB calls a write that was cut short an input/output error.
        self.assertRegex(result.err, r"No space left|too large|Input/output error")
        self.assertIn(self.store, result.err)

    def check_recovery(self):
        self.index()
        self.assert_equals_fresh_index()
        self.assertEqual(self.index()["components_executed"], 0)

    def test_a_first_run_without_room(self):
        failures = 0
        for size in (0, 4096, 50_000, 150_000, 400_000):
            with self.subTest(size=size):
                shutil.rmtree(self.store, ignore_errors=True)
                result = run("index", self.docs, "--store", self.store, "--json", preexec_fn=file_size_limit(size))
                if result.code != DONE:
                    self.check_failure(result)
                    failures += 1
                self.check_recovery()
        self.assertGreaterEqual(failures, 3)

    def test_a_later_run_without_room_keeps_what_was_there(self):
        self.index()
        before = self.export()
        kept = [d for d in before if not d["fields"]["file"].endswith(("0.txt", "1.txt"))]
        for i in range(60):
            if i % 10 < 2:
                self.write(f"{i:02}.txt", f"another text {i} " * 3000)
        result = run("index", self.docs, "--store", self.store, "--json", preexec_fn=file_size_limit(600_000))
        self.check_failure(result)
        after = self.export()
        for document in kept:
            self.assertIn(document, after)
        self.check_recovery()

    @contextlib.contextmanager
    def small_disk(self, megabytes):
        place = self.at("small")
        os.mkdir(place)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place],
                              stderr=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            self.skipTest("nothing can be mounted here")
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)

    @unittest.skipUnless(os.geteuid() == 0, "needs a mount")
    def test_a_disk_that_is_really_full(self):
        with self.small_disk(2) as place:
            self.store = os.path.join(place, "store")
            self.index()
            before = self.export()
            ballast = os.path.join(place, "ballast")
            with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as f:
                while True:
                    f.write(b"x" * 4096)
            self.fill("quite other words of the second version")
            result = run("index", self.docs, "--store", self.store, "--json")
            self.check_failure(result)
            self.assertEqual(len(self.export()), len(before))
            os.remove(ballast)
            self.check_recovery()


if __name__ == "__main__":
    main()
