#!/usr/bin/env python3
"""Kills `cocozvec index` and `cocozvec drop` at chosen file-system calls and at random times, and checks what follows.

Four phases: a first run, a run after changes, a run after removals (with --prune), a drop. In each the program is
killed with SIGKILL, by crash_shim.c at call N or by us after a random time. Then one complete run must give exactly
what a fresh index of the same folder gives, one more run must do nothing, and no stray file may be left. Every fourth
recovery is killed too, and one store per worker is killed ten times in a row.

With --fault and --expect-caught the program under test has a planted fault, and the checks must notice.
Only the standard library. Progress and findings go to standard output; exit code 0 when all is as expected.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

OPS = ["open", "write", "sync", "msync", "truncate", "allocate", "rename", "remove", "mkdir", "link"]
REPORT = struct.Struct("<8sQQ%dQ256s" % len(OPS))  # struct Report of crash_shim.c
RUN_LIMIT_S = 60
DIFFERS = "export differs from a fresh index"
WORDS = ("sail harbour lantern copper meadow winter granite ferry violet engine walnut orbit signal thunder paper "
         "river compass anchor saddle mirror candle barley falcon quarry velvet").split()


class Finding(Exception):
    """Something that must not be after a kill."""


def text_of(rng, paragraphs):
    return "\n\n".join(" ".join(rng.choices(WORDS, k=rng.randint(40, 90))) + "." for _ in range(paragraphs)) + "\n"


class Folder:
    """The user's files, in three versions. The same seed gives the same bytes everywhere."""

    def __init__(self, path):
        self.docs = os.path.join(path, "docs")
        self.extra = os.path.join(path, "extra")
        os.makedirs(os.path.join(self.docs, "deep", "er"))
        os.makedirs(self.extra)

    def write(self, name, seed, paragraphs):
        with open(os.path.join(self.docs, name), "w", encoding="utf-8") as file:
            file.write(text_of(random.Random(seed), paragraphs))

    def first(self):
        for i in range(6):
            self.write(f"note{i}.txt", i, 1 + 2 * i)
        for i in range(3):
            self.write(f"deep/er/leaf{i}.md", 100 + i, 4)
        for i in range(3):
            self.write(f"../extra/other{i}.txt", 200 + i, 3)

    def change(self):
        self.write("note1.txt", 301, 5)  # longer
        self.write("note5.txt", 305, 2)  # shorter
        self.write("deep/er/leaf0.md", 400, 4)
        self.write("new.txt", 500, 3)
        os.rename(os.path.join(self.docs, "note2.txt"), os.path.join(self.docs, "deep", "moved.txt"))
        os.utime(os.path.join(self.docs, "note3.txt"))

    def remove(self):
        for name in ("note0.txt", "note5.txt", "deep/er/leaf1.md", "deep/moved.txt"):
            os.remove(os.path.join(self.docs, name))
        self.write("note4.txt", 0, 0)


class Program:
    """The program under test, with or without the shim."""

    def __init__(self, options):
        self.path, self.shim, self.fault = options.cli, options.shim, options.fault

    def environment(self, extra):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CRASHSHIM_", "LD_PRELOAD", "COCOZVEC_"))}
        if self.fault:
            env["COCOZVEC_FAULT"] = self.fault
        env.update(extra)
        return env

    def run(self, arguments, extra_env=None):
        return subprocess.run([self.path, *arguments], env=self.environment(extra_env or {}), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=RUN_LIMIT_S, check=False)

    def run_watched(self, arguments, area, report, kill_at=0, tear=False, trace=None):
        """Returns the finished process and what the shim reports."""
        if os.path.exists(report):
            os.remove(report)
        env = {"LD_PRELOAD": self.shim, "CRASHSHIM_ROOT": area, "CRASHSHIM_REPORT": report,
               "CRASHSHIM_KILL_AT": str(kill_at), "CRASHSHIM_TEAR": "1" if tear else "0"}
        done = self.run(arguments, env | ({"CRASHSHIM_TRACE": trace} if trace else {}))
        with open(report, "rb") as file:
            magic, calls, killed_at, *rest = REPORT.unpack(file.read())
        if magic != b"CRSHIM1\n":
            raise RuntimeError("the shim was not loaded")
        if kill_at and (done.returncode == -signal.SIGKILL) != (killed_at == kill_at):
            raise Finding(f"exit status {done.returncode}, but the shim killed at {killed_at}: {done.stderr[-500:]!r}")
        by_op = dict(zip(OPS, rest))
        return done, {"calls": calls, "killed_at": killed_at, "by_op": by_op,
                      "last": rest[-1].split(b"\0")[0].decode(errors="replace")}

    def kill_after(self, arguments, seconds):
        """True when the program was still running then."""
        process = subprocess.Popen([self.path, *arguments], env=self.environment({}), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait() == -signal.SIGKILL


def shape_of(area):
    """How many files and folders there are of each name pattern; numbers do not count."""
    shape = collections.Counter()
    for directory, folders, files in os.walk(area):
        for name in files + [folder + "/" for folder in folders]:
            path = os.path.relpath(os.path.join(directory, name), area)
            shape[re.sub(r"[0-9a-f]{12,}|\d+", "#", path) + ("/" if name.endswith("/") else "")] += 1
    return shape


def places_of(trace, store):
    """How many calls hit each part of the store (the engine's state, the database's files)."""
    places = collections.Counter()
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            path = line.rstrip("\n").split(" ", 2)[2]
            inside = os.path.relpath(path, store) if path.startswith(store + "/") else "the store itself"
            places[inside.split("/")[0]] += 1
    return places


class Phase:
    """One kind of run, in a workspace whose folder stands as this phase needs it."""

    def __init__(self, name, workspace, command, complete, template):
        self.name, self.ws, self.command, self.complete, self.template = name, workspace, command, complete, template
        self.late = 0  # how often a stray file was only gone after another write

    def prepare(self):
        """Measures the uninterrupted run and records what a fresh index looks like."""
        ws = self.ws
        ws.fill(None)
        ws.must(self.complete)
        self.expected = ws.export()
        self.shapes = [shape_of(ws.area)]
        self.seconds = RUN_LIMIT_S
        for _ in range(2):
            ws.fill(self.template)
            started = time.monotonic()
            ws.must(self.command)
            self.seconds = min(self.seconds, time.monotonic() - started)
            ws.must(self.complete)
            self.shapes.append(shape_of(ws.area))
        ws.fill(self.template)
        trace = os.path.join(ws.path, "trace")
        done, report = ws.program.run_watched(self.command, ws.area, ws.report, trace=trace)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: the shim disturbs the run: {done.stderr!r}")
        self.calls, self.by_op = report["calls"], report["by_op"]
        self.by_place = places_of(trace, ws.store)
        os.remove(trace)

    def kill_at_call(self, call, tear, kill_again):
        """Kills once, and in the recovery when `kill_again` is a call. Runs differ: when this one had fewer calls, a
        call that it had is tried."""
        ws = self.ws
        for _ in range(4):
            ws.fill(self.template)
            _, report = ws.program.run_watched(self.command, ws.area, ws.report, call, tear)
            if report["killed_at"]:
                break
            call = ws.random.randint(1, report["calls"])
        last, struck_again = report["last"], False
        if kill_again:
            done, again = ws.program.run_watched(self.complete, ws.area, ws.report, kill_again, tear)
            struck_again = again["killed_at"] != 0
            if struck_again:
                last += f", then {again['last']}"
            elif done.returncode != 0 and not ws.program.fault:
                raise Finding(f"the run after the kill ends with {done.returncode}: {done.stderr[-500:]!r}")
        self.check()
        return report["killed_at"] != 0, struck_again, last

    def kill_at_time(self, seconds):
        for _ in range(4):
            self.ws.fill(self.template)
            struck = self.ws.program.kill_after(self.command, seconds)
            if struck:
                break
            seconds *= 0.7
        self.check()
        return struck

    def kill_in_a_row(self, times):
        """The same store is killed again and again; what each kill leaves must not pile up."""
        ws = self.ws
        ws.fill(self.template)
        for i in range(times):
            ws.folder.write("often.txt", 600 + i, 2)
            ws.program.run_watched(self.complete, ws.area, ws.report, ws.random.randint(1, self.calls), i % 2 == 1)
        os.remove(os.path.join(ws.folder.docs, "often.txt"))
        self.check()

    def check(self):
        ws = self.ws
        if self.command[0] == "drop" and ws.random.random() < 0.5 and os.path.exists(ws.store):
            ws.must(self.command)
            if os.path.exists(ws.store):
                raise Finding(f"a second drop left {sorted(shape_of(ws.area))}")
        result = ws.must(self.complete)
        if result["errors"]:
            raise Finding(f"the run after the kill reports {result['errors']}")
        self.compare(ws.export())
        quiet = ws.must(self.complete)
        work = {"processed": quiet["files"]["processed"], "removed": quiet["files"]["removed"],
                "upserted": quiet["documents"]["upserted"], "deleted": quiet["documents"]["deleted"]}
        if any(work.values()):
            raise Finding(f"one more run still works: {work}")
        # Half a temporary file may stay until something is written again.
        if self.strays():
            ws.folder.write("late.txt", 700, 1)
            ws.must(self.complete)
            os.remove(os.path.join(ws.folder.docs, "late.txt"))
            ws.must(self.complete)
            self.late += 1
            if self.strays():
                raise Finding(f"stray files: {self.strays()}")

    def compare(self, got):
        if got == self.expected:
            return
        missing, extra = set(self.expected) - set(got), set(got) - set(self.expected)
        raise Finding(f"{DIFFERS}: {len(missing)} of {len(self.expected)} documents missing or "
                      f"different, {len(extra)} extra; first: {sorted(missing or extra or ['the order'])[0][:200]}")

    def strays(self):
        """Names that an undisturbed run does not leave. Of numbered files (segments, logs) there may be a few more: the
        store was closed and opened at other moments."""
        found = []
        for pattern, count in shape_of(self.ws.area).items():
            most = max(known[pattern] for known in self.shapes)
            if count > (most + 2 if most and "#" in pattern else most):
                found.append(f"{count} {pattern}, at most {most} undisturbed")
        return found


class Workspace:
    """A folder, a store and a saved copy of the store after the first version of the folder."""

    def __init__(self, path, program, seed):
        os.makedirs(path)
        self.path, self.program, self.random = path, program, random.Random(seed)
        self.area = os.path.join(path, "area")  # what the shim watches: the store and its siblings
        self.store = os.path.join(self.area, "store")
        self.report = os.path.join(path, "report")
        self.saved = os.path.join(path, "saved")
        self.folder = Folder(path)

    def index(self, *arguments):
        return ["index", *arguments, "--store", self.store, "--json"]

    def must(self, command):
        done = self.program.run(command)
        if done.returncode != 0:
            raise Finding(f"`{' '.join(command)}` ends with {done.returncode}: {done.stderr.decode(errors='replace')[-400:]}"
                          f"{done.stdout.decode(errors='replace')[-400:]}")
        return json.loads(done.stdout) if "--json" in command else None

    def export(self):
        done = self.program.run(["export", "--store", self.store, "--jsonl", "--vectors"])
        if done.returncode != 0:
            raise Finding(f"export ends with {done.returncode}: {done.stderr.decode(errors='replace')[-400:]}")
        return done.stdout.decode().splitlines()

    def fill(self, template):
        """Replaces the watched area by a copy of `template`; None: an empty area."""
        shutil.rmtree(self.area, ignore_errors=True)
        if template:
            shutil.copytree(template, self.area)
        else:
            os.makedirs(self.area)

    def phases(self):
        """Each phase in turn, with the folder as the phase needs it."""
        both = self.index(self.folder.docs, self.folder.extra)
        self.folder.first()
        self.fill(None)
        self.must(both)
        shutil.copytree(self.area, self.saved)
        yield Phase("first run", self, both, both, None)
        yield Phase("drop", self, ["drop", "--store", self.store, "--yes"], both, self.saved)
        self.folder.change()
        yield Phase("change", self, both, both, self.saved)
        self.folder.remove()
        docs = self.index(self.folder.docs, "--prune")
        yield Phase("removal", self, docs, docs, self.saved)


def spread(calls, points):
    """(call, tear): evenly over the calls; every call twice (whole and torn) before any is repeated."""
    if points >= calls:
        every = [(call, tear) for tear in (False, True) for call in range(1, calls + 1)]
        return [every[i % len(every)] for i in range(points)]
    return [(1 + i * calls // points, i % 2 == 1) for i in range(points)]


class Tally:
    """What happened in one phase of one worker."""

    def __init__(self, phase):
        self.name, self.calls, self.by_op, self.by_place = phase.name, phase.calls, phase.by_op, phase.by_place
        self.late = self.recoveries = self.recoveries_killed = 0
        self.tried, self.struck, self.findings = collections.Counter(), collections.Counter(), []


def kills_of(phase, options):
    """(kind, where, torn, call at which the recovery is killed too or 0): the same list for every worker."""
    dice = random.Random(options.seed)
    points, times = options.points // 4, options.random // 4
    kills = [("call", call, torn, dice.randint(1, phase.calls) if i % 4 == 3 else 0)
             for i, (call, torn) in enumerate(spread(phase.calls, points))]
    kills += [("time", phase.seconds * (i + dice.random()) / times, False, 0) for i in range(times)]
    return kills + ([("row", 10, False, 0)] if phase.name == "removal" else []) * options.jobs


def work(options, index, base):
    """One worker's share: every `jobs`-th kill of each phase. Stops early when a fault is expected and found."""
    ws = Workspace(os.path.join(base, f"w{index}"), Program(options), options.seed * 1000 + index)
    tallies = []
    for phase in ws.phases():
        phase.prepare()
        tally = Tally(phase)
        tallies.append(tally)
        for kind, where, torn, again in kills_of(phase, options)[index::options.jobs]:
            what = f"{phase.name}: killed at {kind} {where:.6g}{' (torn)' if torn else ''}{f', then at {again}' if again else ''}"
            if kind == "row":
                what = f"{phase.name}: killed {where} times in a row"
            tally.tried[kind] += 1
            try:
                if kind == "call":
                    tally.recoveries += again != 0
                    struck, struck_again, last = phase.kill_at_call(where, torn, again)
                    tally.recoveries_killed += struck_again
                elif kind == "time":
                    struck, last = phase.kill_at_time(where), ""
                else:
                    struck, last = True, phase.kill_in_a_row(where)
                tally.struck[kind] += struck
                if options.verbose:
                    print(what, last, flush=True)
            except (Finding, subprocess.TimeoutExpired, ValueError, KeyError) as finding:
                tally.struck[kind] += 1
                tally.findings.append(f"{what}: {type(finding).__name__}: {finding}")
                if options.keep:
                    kept = os.path.join(options.keep, f"{phase.name.replace(' ', '-')}-{index}-{len(tally.findings)}")
                    shutil.copytree(ws.path, kept, dirs_exist_ok=True)
                if options.expect_caught and DIFFERS in str(finding):
                    return tallies
        tally.late = phase.late
    return tallies


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cli", required=True, action="append", help="the cocozvec program; of several the first that exists")
    parser.add_argument("--shim", required=True, help="libcrashshim.so")
    parser.add_argument("--points", type=int, default=200, help="kill points by call, over all phases")
    parser.add_argument("--random", type=int, default=52, help="kills at random times, over all phases")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", help="value of COCOZVEC_FAULT for the program")
    parser.add_argument("--expect-caught", action="store_true", help="succeed when something was found")
    parser.add_argument("--keep", help="copy the workspace of each finding here")
    parser.add_argument("--any-layout", action="store_true", help="do not look for STORE/state and STORE/data")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    there = [path for path in options.cli if os.path.exists(path)]
    if not there:
        parser.error(f"no such program: {' '.join(options.cli)}")
    options.cli, options.shim = os.path.realpath(there[0]), os.path.realpath(options.shim)
    print("killing", options.cli, flush=True)

    started = time.monotonic()
    base = os.path.realpath(tempfile.mkdtemp(prefix="kill_points_"))
    try:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            shares = list(pool.map(lambda i: work(options, i, base), range(options.jobs)))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return report(options, shares, time.monotonic() - started)


def report(options, shares, seconds):
    tried, struck, findings = collections.Counter(), collections.Counter(), []
    recoveries, recoveries_killed = (sum(getattr(tally, what) for tallies in shares for tally in tallies)
                                     for what in ("recoveries", "recoveries_killed"))
    for name in dict.fromkeys(tally.name for tallies in shares for tally in tallies):
        rows = [tally for tallies in shares for tally in tallies if tally.name == name]
        here_tried = sum((row.tried for row in rows), collections.Counter())
        here_struck = sum((row.struck for row in rows), collections.Counter())
        tried, struck = tried + here_tried, struck + here_struck
        findings += [finding for row in rows for finding in row.findings]
        ops = " ".join(f"{op} {n}" for op, n in rows[0].by_op.items() if n)
        ops += "; " + " ".join(f"{place} {n}" for place, n in sorted(rows[0].by_place.items()))
        if not options.any_layout and not {"state", "data"} <= rows[0].by_place.keys():
            findings.append(f"{name}: the shim saw no calls of one of the two stores: {dict(rows[0].by_place)}")
        print(f"{name + ':':11} {'/'.join(str(row.calls) for row in rows)} calls ({ops}); struck {here_struck['call']} of "
              f"{here_tried['call']} points, {here_struck['time']} of {here_tried['time']} times; "
              f"{sum(row.late for row in rows)} times a stray file waited for the next write")
    for finding in findings[:20]:
        print("FOUND", finding[:1500])
    print(f"{struck['call']} kills at calls, {struck['time']} at times, {recoveries_killed} of {recoveries} recoveries killed, {len(findings)} findings, {seconds:.0f} s")
    if options.expect_caught:
        caught = any(DIFFERS in finding for finding in findings)
        print("the planted fault was caught" if caught else "the planted fault was NOT caught")
        return 0 if caught else 1
    if struck["call"] < 0.9 * tried["call"] or struck["time"] < 0.4 * tried["time"]:
        print("too few kills struck: the points do not cover the run")
        return 1
    if recoveries >= 20 and recoveries_killed < 0.3 * recoveries:
        print(f"only {recoveries_killed} of {recoveries} recoveries were killed")
        return 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
