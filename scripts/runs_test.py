#!/usr/bin/env python3
"""soak.py and fuzz.py over programs of a few lines: all cases are run, and what was found is said."""

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fuzz
import soak


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def program(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!{sys.executable}\n{text}\n")
        os.chmod(path, 0o700)
        return path

    def quietly(self, function, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            return function(*arguments), said.getvalue()


class Soak(Folder):
    PRINTS = """import json, sys
first, count = int(sys.argv[3]), int(sys.argv[5])
print(json.dumps({"violations": 0, "cases": max(0, min(count, 3 * BYTES + 1 - first)), WHAT: BYTES}))"""

    def soaked(self, size, what="bytes"):
        program = self.program("reliability", self.PRINTS.replace("BYTES", str(size)).replace("WHAT", repr(what)))
        good, said = self.quietly(soak.run, program, "flips", "release", self.folder)
        with open(os.path.join(self.folder, "flips.json"), encoding="utf-8") as file:
            return good, said, json.load(file)

    def test_every_case_that_the_program_says_there_is_is_run(self):
        for size in (1, 9_999, 10_000, 10_001, 41_234):
            good, _, state = self.soaked(size)
            self.assertTrue(good)
            self.assertEqual(state["figures"]["cases"], 3 * size)
            self.assertEqual(state["next"], 3 * size + 1)

    def test_a_second_run_of_the_same_program_does_nothing(self):
        self.soaked(20_000)
        good, said, state = self.soaked(20_000)
        self.assertTrue(good)
        self.assertIn("nothing to do, cases up to 60000 of 60000", said)
        self.assertEqual(state["figures"]["cases"], 60_000)

    def test_a_program_that_does_not_say_how_many_there_are_is_a_violation(self):
        good, _, state = self.soaked(100, what="other")
        self.assertFalse(good)
        self.assertIn("does not print bytes", state["found"])

    def test_the_names_are_all_of_them(self):
        self.assertEqual(set(soak.ALL) - set(soak.HARNESSES), set())
        for name, (_, cases, _, _, goal, _) in soak.HARNESSES.items():
            self.assertEqual((cases is None, goal is None), (name in soak.ALL, name in soak.ALL), name)


class Fuzz(Folder):
    FINDS = """import sys
print("SUMMARY: a crash\\nTest unit written to /somewhere/x-crash-1\\nstat::number_of_executed_units: 5", file=sys.stderr)
sys.exit(77)"""
    CLEAN = """import sys
print("stat::number_of_executed_units: 7", file=sys.stderr)"""

    def options(self, names, **changes):
        return argparse.Namespace(**{"names": names, "bin": self.folder, "state": self.folder, "turn": 1, "goal": 10,
                                     "seconds": 60} | changes)

    def test_a_finding_is_shown_with_the_path_of_its_input(self):
        self.program("fuzz_x", self.FINDS)
        good, said = self.quietly(fuzz.turn, self.options(["x"]), "x")
        self.assertFalse(good)
        self.assertIn("FOUND", said)
        self.assertIn("SUMMARY: a crash", said)
        self.assertIn("the input is /somewhere/x-crash-1", said)

    def test_found_is_said_of_this_run(self):
        self.program("fuzz_x", f"import os, sys\nonce = {os.path.join(self.folder, 'once')!r}\n"
                     "if not os.path.exists(once):\n    open(once, 'w').close()\n    sys.exit(77)\n" + self.CLEAN)
        self.assertIn("FOUND", self.quietly(fuzz.turn, self.options(["x"]), "x")[1])
        self.assertNotIn("FOUND", self.quietly(fuzz.turn, self.options(["x"]), "x")[1])
        self.assertEqual(self.quietly(fuzz.run, self.options(["x"], seconds=0))[0], 1)  # it is stopped nevertheless

    def test_the_others_go_on_and_the_end_says_that_one_is_stopped(self):
        self.program("fuzz_bad", self.FINDS)
        self.program("fuzz_good", self.CLEAN)
        code, _ = self.quietly(fuzz.run, self.options([]))
        self.assertEqual(code, 1)
        self.assertGreaterEqual(fuzz.load(self.folder, "good")["runs"], 10)
        self.assertEqual(self.quietly(fuzz.run, self.options([], seconds=0))[0], 1)  # the seconds are over at once
        self.program("fuzz_bad", self.CLEAN)
        self.assertEqual(self.quietly(fuzz.run, self.options([]))[0], 0)

    def test_a_turn_that_is_interrupted_counts_and_finds_nothing(self):
        self.program("fuzz_x", self.CLEAN + f"\nsys.exit({fuzz.INTERRUPTED})")
        self.assertTrue(self.quietly(fuzz.turn, self.options(["x"]), "x")[0])
        self.assertEqual(fuzz.load(self.folder, "x")["runs"], 7)
        self.assertEqual(fuzz.load(self.folder, "x")["found"], "")

    def test_one_turn_of_a_few_is_thorough(self):
        self.program("fuzz_x", "import os\n" + self.CLEAN
                     + f"\nopen({os.path.join(self.folder, 'seen')!r}, 'a').write(f\"{{os.environ.get('ASAN_OPTIONS', '')}} {{sys.argv}}\\n\")")
        for _ in range(fuzz.THOROUGH + 1):
            self.quietly(fuzz.turn, self.options(["x"]), "x")
        with open(os.path.join(self.folder, "seen"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        thorough = [i for i, line in enumerate(lines) if f"-max_len={fuzz.MOST}" in line]
        self.assertEqual(thorough, [0, fuzz.THOROUGH])
        self.assertEqual([i for i, line in enumerate(lines) if not line.startswith(fuzz.QUICK)], thorough)

    def test_what_a_quick_turn_finds_is_said_by_a_second_run(self):
        written = os.path.join(self.folder, "x-crash-1")
        self.program("fuzz_x", f"import os, sys\nopen({written!r}, 'w').close()\n"
                     "print('the whole report' if len(sys.argv) == 2 else 'Test unit written to ' + sys.argv[0].replace('fuzz_x', 'x-crash-1'),"
                     " file=sys.stderr)\nsys.exit(77)")
        self.assertIn("the whole report", self.quietly(fuzz.turn, self.options(["x"]), "x")[1])

    def test_the_target_with_the_least_to_do_is_next(self):
        for name, runs, rate in (("slow", 9, 0.01), ("quick", 0, 5)):
            fuzz.save(self.folder, name, fuzz.load(self.folder, name) | {"runs": runs, "rate": rate, "turns": 1})
            self.program("fuzz_" + name, self.CLEAN)
        said = self.quietly(fuzz.run, self.options([]))[1]
        self.assertLess(said.index("quick:"), said.index("slow:"))


if __name__ == "__main__":
    unittest.main()
