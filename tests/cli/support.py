"""What the tests of the command line share: a folder of their own, and the program run as a user runs it."""

import contextlib
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ.get("COCOZVEC", "")
DONE, FAILED, USAGE, PARTLY, INTERRUPTED = 0, 1, 2, 4, 130
F_OFD_SETLK = 37
# What a crash leaves on standard error, whatever the exit code.
CRASH_WORDS = ("terminate called", "Assertion", "Sanitizer", "runtime error:", "core dumped", "Segmentation")


class Run:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


def run(*arguments, timeout=120, **options):
    """Runs the program; a death by signal or the words of a crash are failures whatever the test expects."""
    done = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, check=False, **options)
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    if done.returncode < 0 or any(word in err for word in CRASH_WORDS):
        raise AssertionError(f"{arguments}: crashed with {done.returncode}\n{err[-3000:]}")
    return Run(done.returncode, out, err)


@contextlib.contextmanager
def collection_held(store):
    """Somebody else writes to the collection: whoever opens it for writing is refused."""
    lock = os.open(os.path.join(store, "data", "chunks", "LOCK"), os.O_RDWR)
    try:
        fcntl.fcntl(lock, F_OFD_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        yield
    finally:
        os.close(lock)


class CliTest(unittest.TestCase):
    def setUp(self):
        self.tmp = os.path.realpath(tempfile.mkdtemp(prefix="cocozvec_cli."))
        self.addCleanup(shutil.rmtree, self.tmp, ignore_errors=True)
        self.docs = self.at("docs")
        self.store = self.at("store")
        os.mkdir(self.docs)

    def at(self, *parts):
        return os.path.join(self.tmp, *parts)

    def write(self, name, content, folder=None):
        path = os.path.join(folder or self.docs, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return path

    def run_ok(self, *arguments, code=DONE, **options):
        result = run(*arguments, **options)
        self.assertEqual(result.code, code, f"{arguments}\n{result.out}\n{result.err}")
        return result

    def index(self, *arguments, code=DONE, store=None):
        """`index --json` of the folder of the test, or of those given."""
        folders = arguments if arguments else (self.docs,)
        return self.run_ok("index", *folders, "--store", store or self.store, "--json", code=code).json

    def search(self, text, *arguments, code=DONE):
        return self.run_ok("search", "--store", self.store, "--json", *arguments, "--", text, code=code).json

    def export(self, store=None, *arguments):
        out = self.run_ok("export", "--store", store or self.store, "--jsonl", "--vectors", *arguments).out
        return [json.loads(line) for line in out.splitlines()]

    def assert_fails(self, arguments, *words, code=FAILED):
        """The message names what it is about."""
        result = self.run_ok(*arguments, code=code)
        for word in words:
            self.assertIn(word, result.err)
        return result

    def assert_equals_fresh_index(self, *folders):
        """Document by document, vectors included."""
        fresh = self.at("fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        self.index(*(folders or (self.docs,)), store=fresh)
        self.assertEqual(self.export(), self.export(fresh))


def main():
    if not PROGRAM:
        sys.exit("set COCOZVEC to the program")
    unittest.main(verbosity=1)
