"""Two processes on one store, and one that is interrupted."""

import os
import signal
import subprocess
import time

from support import DONE, FAILED, INTERRUPTED, PROGRAM, CliTest, main


class Processes(CliTest):
    FILES = 400

    def setUp(self):
        super().setUp()
        for i in range(self.FILES):
            self.write(f"{i:03}.txt", f"document number {i}, some words. " * 200)

    def start(self, *arguments):
        return subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def start_and_stop(self):
        """An `index` that holds the store open and has been stopped (SIGSTOP) before it was through."""
        process = self.start("index", self.docs, "--store", self.store, "--json")
        self.addCleanup(process.kill)
        config = os.path.join(self.store, "config")  # written under the lock
        deadline = time.monotonic() + 60
        while not os.path.exists(config):
            self.assertLess(time.monotonic(), deadline, "the first process never opened the store")
            self.assertIsNone(process.poll(), "the first process was through before it could be stopped")
            time.sleep(0.001)
        process.send_signal(signal.SIGSTOP)
        return process

    def test_the_second_of_two_says_who_has_the_store(self):
        first = self.start_and_stop()
        self.assertIsNone(first.poll())
        result = self.assert_fails(["index", self.docs, "--store", self.store], self.store, str(first.pid))
        self.assertRegex(result.err, r"20\d\d-\d\d-\d\d")
        self.assert_fails(["drop", "--yes", "--store", self.store], str(first.pid))
        first.send_signal(signal.SIGCONT)
        _, err = first.communicate(timeout=120)
        self.assertEqual(first.returncode, DONE, err)
        self.assertEqual(self.index()["files"]["unchanged"], self.FILES)

    def test_a_killed_process_leaves_no_lock_and_no_stray_file(self):
        first = self.start_and_stop()
        first.kill()
        first.communicate(timeout=60)
        self.assertEqual(self.index()["documents"]["total"], len(self.export()))
        self.assert_equals_fresh_index()
        self.assertEqual(sorted(os.listdir(self.store)), ["config", "data", "state"])
        self.assertEqual(os.listdir(os.path.join(self.store, "data")), ["chunks"])
        self.assertEqual(self.index()["components_executed"], 0)

    def interrupt(self, which):
        process = self.start_and_stop()
        process.send_signal(which)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, INTERRUPTED, err)
        self.assertIn(b'"interrupted":true', out)
        self.assertIn(b"interrupted", err)

    def test_sigint_stops_and_the_next_run_goes_on(self):
        self.interrupt(signal.SIGINT)
        report = self.index()
        self.assertEqual(report["files"]["processed"] + report["files"]["unchanged"], self.FILES)
        self.assert_equals_fresh_index()
        self.assertEqual(self.index()["components_executed"], 0)

    def test_sigterm_does_the_same(self):
        self.interrupt(signal.SIGTERM)
        self.index()
        self.assert_equals_fresh_index()

    def test_readers_of_a_store_that_was_never_finished_say_so(self):
        first = self.start_and_stop()
        first.kill()
        first.communicate(timeout=60)
        if not os.path.exists(os.path.join(self.store, "data", "chunks")):
            self.assert_fails(["search", "words", "--store", self.store], self.store, code=FAILED)


if __name__ == "__main__":
    main()
