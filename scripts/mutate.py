#!/usr/bin/env python3
"""Breaks one line at a time, as scripts/mutants.txt says, and reports which test saw it. `./dev mutate` runs it.

Works in a copy of the tracked files (build/mutate/src) with a build of its own, so the tree is left alone. What was
found is kept in build/mutate/results.json: a second run over the same sources goes on where the first one stopped, and tries
again what survived or does not compile; after a change of the sources everything is tried again. Ends with 1 when a break survives without an explanation.
"""

import argparse
import collections
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TEST_LIMIT_S = 120
FIELDS = ("name", "file", "old", "new", "tests", "survives")
Mutant = collections.namedtuple("Mutant", FIELDS)


def parse(text):
    """The entries of mutants.txt; ValueError names the line."""
    mutants, entry = [], {}

    def finish(line):
        if not entry:
            return
        missing = [f for f in FIELDS[:5] if f not in entry]
        if missing:
            raise ValueError(f"line {line}: {entry.get('name', 'an entry')} lacks {', '.join(missing)}")
        mutants.append(Mutant(entry["name"], entry["file"], entry["old"], entry["new"], entry["tests"].split(),
                              entry.get("survives", "")))
        entry.clear()

    for number, line in enumerate(text.split("\n") + [""], 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            finish(number)
            continue
        field, colon, value = line.partition(":")
        if not colon or field not in FIELDS or field in entry:
            raise ValueError(f"line {number}: no field, or one given twice: {line}")
        entry[field] = value.strip()
    twice = [name for name, n in collections.Counter(m.name for m in mutants).items() if n > 1]
    if twice:
        raise ValueError(f"names given twice: {', '.join(twice)}")
    return mutants


def broken(mutant, source):
    """The source with the break in it; ValueError when `old` is not there exactly once."""
    found = source.count(mutant.old)
    if found != 1:
        raise ValueError(f"{mutant.file} has `{mutant.old}` {found} times, once is needed")
    return source.replace(mutant.old, mutant.new)


def listed():
    """The tracked and the new files, from the root."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                           check=True, capture_output=True).stdout.decode().split("\0")
    return sorted(name for name in names if name and os.path.isfile(os.path.join(ROOT, name)))


@functools.cache
def sources():
    """A hash of everything that a test program is made of: a verdict is one about these sources."""
    digest = hashlib.sha256()
    for name in listed():
        if name.endswith((".cc", ".h", ".c", ".S", ".cmake", "CMakeLists.txt", "CMakePresets.json")):
            with open(os.path.join(ROOT, name), "rb") as file:
                digest.update(name.encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def key_of(mutant):
    return hashlib.sha256("\0".join([*mutant[:4], *mutant.tests, sources()]).encode()).hexdigest()[:16]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Scratch:
    """A copy of the tracked files, with its own build."""

    def __init__(self, folder, jobs):
        self.src, self.jobs = os.path.join(folder, "src"), str(jobs)
        self.env = os.environ | {"CCACHE_BASEDIR": self.src, "CCACHE_NOHASHDIR": "1"}
        self.log = os.path.join(folder, "log")

    def refresh(self):
        """Only what differs is written: the build looks at times."""
        for path in listed():
            source, target = os.path.join(ROOT, path), os.path.join(self.src, path)
            with open(source, "rb") as file:
                data = file.read()
            if os.path.exists(target):
                with open(target, "rb") as file:
                    if file.read() == data:
                        continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(data)
            os.chmod(target, os.stat(source).st_mode)

    def call(self, *command):
        with open(self.log, "w", encoding="utf-8") as log:
            return subprocess.run(command, cwd=self.src, env=self.env, stdout=log, stderr=subprocess.STDOUT,
                                  check=False).returncode == 0

    def configure(self):
        return self.call("cmake", "--preset", "debug", "-DZVEC_BUILD_APPS=OFF")

    def build(self, targets):
        return self.call("cmake", "--build", "build/debug", "-j", self.jobs, "--target", *targets)

    def test(self, program):
        """The names of the tests that failed; empty: all passed."""
        try:
            done = subprocess.run([os.path.join(self.src, "build/debug/bin", program), "--gtest_brief=1"], cwd=self.src,
                                  env=self.env, capture_output=True, timeout=TEST_LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return [f"{program} hangs"]
        out = done.stdout.decode(errors="replace")
        failed = sorted(set(re.findall(r"^\[  FAILED  \] (\w+(?:/\w+)*\.\w+(?:/\w+)*)", out, re.MULTILINE)))
        if not failed and done.returncode != 0:
            return [f"{program} ends with {done.returncode}"]
        return failed


def attempt(scratch, mutant):
    """(verdict, tests that saw it): caught, survived, or does not compile."""
    target = os.path.join(scratch.src, mutant.file)
    source = read(target)
    write(target, broken(mutant, source))
    try:
        for program in mutant.tests:
            if not scratch.build([program]):
                return "does not compile", [read(scratch.log)[-1500:]]
            if seen := scratch.test(program):
                return "caught", seen
        return "survived", []
    finally:
        write(target, source)


def show(results, mutants):
    verdicts = collections.Counter()
    for m in mutants:
        result = results.get(key_of(m))
        verdict = result["verdict"] if result else "not tried"
        if verdict == "survived" and m.survives:
            verdict = "survived, explained"
        verdicts[verdict] += 1
        seen = result["seen"] if result else []
        more = f" and {len(seen) - 3} more" if len(seen) > 3 else ""
        what = m.survives if verdict == "survived, explained" else ", ".join(seen[:3]) + more
        print(f"{verdict:20} {m.name}: {what if verdict != 'does not compile' else m.file}")
    print("mutate: " + ", ".join(f"{n} {v}" for v, n in verdicts.items()))
    return verdicts["survived"] + verdicts["does not compile"] + verdicts["not tried"] == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only these entries, tried again")
    parser.add_argument("--check", action="store_true", help="only: is every entry right and up to date")
    parser.add_argument("--report", action="store_true", help="only: what earlier runs found")
    parser.add_argument("--again", action="store_true", help="forget what earlier runs found")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    mutants = parse(read(os.path.join(ROOT, "scripts/mutants.txt")))
    unknown = set(options.names) - {m.name for m in mutants}
    if unknown:
        parser.error(f"no entry called {', '.join(sorted(unknown))}")

    stale = []
    for m in mutants:
        try:
            broken(m, read(os.path.join(ROOT, m.file)))
        except (ValueError, OSError) as problem:
            stale.append(m)
            print(f"out of date: {m.name}: {problem}")
    if options.check:
        print(f"mutate: {len(mutants)} entries, {len(stale)} out of date")
        return 1 if stale else 0

    folder = os.path.join(ROOT, "build/mutate")
    results_path = os.path.join(folder, "results.json")
    results = json.loads(read(results_path)) if os.path.exists(results_path) and not options.again else {}
    if not options.report:
        scratch = Scratch(folder, options.jobs)
        scratch.refresh()
        programs = sorted({p for m in mutants for p in m.tests})
        if not scratch.configure() or not scratch.build(programs):
            sys.exit(f"mutate: the unbroken tree does not build: {scratch.log}")
        for program in programs:
            if failed := scratch.test(program):
                sys.exit(f"mutate: {program} fails without a break: {failed}")
        for m in mutants:
            known = results.get(key_of(m))
            wanted = m.name in options.names if options.names else not known or known["verdict"] != "caught"
            if m in stale or not wanted:
                continue
            started = time.monotonic()
            verdict, seen = attempt(scratch, m)
            results[key_of(m)] = {"name": m.name, "verdict": verdict, "seen": seen}
            write(results_path, json.dumps(results, indent=1))
            print(f"{time.monotonic() - started:5.1f} s  {verdict}: {m.name}: {', '.join(seen)[:200]}", flush=True)
    return 0 if show(results, mutants) and not stale else 1


if __name__ == "__main__":
    sys.exit(main())
