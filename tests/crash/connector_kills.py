#!/usr/bin/env python3
"""Kills connector_program at the file-system calls of its scenarios, and checks what follows.

For each scenario the state before is made once; then, for each chosen call of the run (both stores are watched, a write
also in its middle), the program dies there, one complete run must give exactly what is declared, one more must write
nothing and open nothing, and after a change one more must write just that. Every fourth recovery is killed too (it may have
fewer calls than the run, so not each of these kills strikes: they are counted). Then start races: of several processes on
one state one owns it, the others are refused with its process id, and a killed owner leaves nothing behind.

With --fault and --expect-caught the program has a planted fault, and the checks must notice. Standard library only.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from kill_points import OPS, REPORT, RUN_LIMIT_S, Finding, places_of


SEALED = re.compile(r"write .*/segment-\d+$")
SEALING = re.compile(r"\w+ .*/(?:segment|index|MANIFEST)-\d+(?:\.tmp)?$")  # what a flush to segments touches


class Program:
    def __init__(self, options):
        self.path, self.shim, self.fault = options.program, options.shim, options.fault

    def environment(self, extra=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CRASHSHIM_", "LD_PRELOAD", "COCOZVEC_"))}
        if self.fault:
            env["COCOZVEC_FAULT"] = self.fault
        return env | (extra or {})

    def run(self, *arguments, env=None):
        return subprocess.run([self.path, *arguments], env=self.environment(env), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=RUN_LIMIT_S, check=False)

    def must(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            raise Finding(f"{' '.join(arguments[1:])} ends with {done.returncode}: "
                          f"{(done.stdout + done.stderr).decode(errors='replace')[:600]}")
        return done.stdout.decode()

    def watched(self, area, report, arguments, kill_at=0, tear=False, trace=""):
        """(exit status, calls, where it was killed or 0, what the last call was)"""
        env = {"LD_PRELOAD": self.shim, "CRASHSHIM_ROOT": area, "CRASHSHIM_REPORT": report,
               "CRASHSHIM_KILL_AT": str(kill_at), "CRASHSHIM_TEAR": "1" if tear else "0"}
        if os.path.exists(report):
            os.remove(report)
        done = self.run(area, *arguments, env=env | ({"CRASHSHIM_TRACE": trace} if trace else {}))
        with open(report, "rb") as file:
            magic, calls, killed_at, *rest = REPORT.unpack(file.read())
        if magic != b"CRSHIM1\n":
            raise RuntimeError("the shim was not loaded")
        if (done.returncode == -signal.SIGKILL) != (killed_at != 0):
            raise Finding(f"exit status {done.returncode}, the shim killed at {killed_at}: {done.stdout[-300:]!r}")
        return done.returncode, calls, killed_at, rest[-1].split(b"\0")[0].decode(errors="replace")


class Scenario:
    """One worker's copy of a scenario: what the state was before, and the calls of an undisturbed run."""

    def __init__(self, name, prepared, program, base):
        self.name, self.program = name, program
        self.path = os.path.join(base, name)
        self.area, self.report, self.saved = (os.path.join(self.path, n) for n in ("area", "report", "saved"))
        os.makedirs(self.area)
        if prepared:
            self.prepare()
        shutil.copytree(self.area, self.saved)
        trace = os.path.join(self.path, "trace")
        status, self.calls, _, _ = program.watched(self.area, self.report, [name, "run", "1"], trace=trace)
        if status != 0 and not program.fault:
            raise RuntimeError(f"{name}: the shim disturbs the run")
        self.places = places_of(trace, self.area)
        with open(trace, encoding="utf-8", errors="replace") as file:
            traced = [line.rstrip("\n").split(" ", 1)[1] for line in file]
        self.ops = [line.split(" ", 1)[0] for line in traced]
        self.sealed = sum(1 for line in traced if SEALED.match(line))
        if not program.fault:
            program.must(self.area, name, "check", "1")

    def prepare(self):
        """The state before; of a `lost` or `restored` one, one of the two stores is gone, or as it was one run earlier."""
        store, _, fate = self.name.rpartition("_") if self.name.startswith("state_") else ("data/docs", "", self.name)
        path, kept = os.path.join(self.area, store), os.path.join(self.path, "kept")
        self.program.must(self.area, self.name, "run", "0")
        if fate == "lost":
            shutil.rmtree(path)
        if fate == "restored":
            shutil.copytree(path, kept)
            self.program.must(self.area, self.name, "run", "1")
            shutil.rmtree(path)
            shutil.move(kept, path)

    def points(self):
        """(call, torn): every call, and every write in its middle too."""
        return [(call, torn) for call, op in enumerate(self.ops, 1) for torn in ([False, True] if op == "write" else [False])]

    def kill(self, call, torn, again, dice):
        """(whether the kill struck, whether that of the recovery did). Commits share a sync, so runs differ: when this one
        had fewer calls, a call that it had is tried."""
        self.last = "no call yet"
        struck = struck_again = 0
        for _ in range(4):
            shutil.rmtree(self.area)
            shutil.copytree(self.saved, self.area)
            _, calls, struck, self.last = self.program.watched(self.area, self.report, [self.name, "run", "1"], call, torn)
            if struck:
                break
            call = dice.randint(1, calls)
        if again:
            status, _, struck_again, last = self.program.watched(self.area, self.report, [self.name, "run", "1"], again, torn)
            if struck_again:
                self.last += f", then {last}"
            elif status != 0 and not self.program.fault:
                raise Finding(f"the recovery ends with {status}")
        self.program.must(self.area, self.name, "check", "1")
        return struck != 0, struck_again != 0


COUNTED = ("tried", "struck", "recoveries", "recoveries_killed", "while_sealing")


class Share:
    """What one worker did with one scenario."""

    def __init__(self, scenario, tried):
        self.calls, self.places, self.sealed = scenario.calls, scenario.places, scenario.sealed
        self.ops, self.tried = collections.Counter(scenario.ops), tried
        self.struck = self.recoveries = self.recoveries_killed = self.while_sealing = 0
        self.findings = []


def spread(points, wanted):
    if wanted <= 0 or wanted >= len(points):
        return points
    return [points[i * len(points) // wanted] for i in range(wanted)]


def work(options, index, base):
    """One worker's share: every `jobs`-th point of each scenario."""
    program, dice, shares = Program(options), random.Random(options.seed + index), {}
    listed = [line.split() for line in program.must("-", "list").splitlines()]
    names = [(name, kind) for name, kind in listed if not options.scenario or name in options.scenario]
    each = 0 if options.all else -(-options.points // len(names))
    for name, kind in names:
        scenario = Scenario(name, kind == "prepared", program, os.path.join(base, f"w{index}"))
        mine = spread(scenario.points(), each)[index::options.jobs]
        share = shares[name] = Share(scenario, len(mine))
        for i, (call, torn) in enumerate(mine):
            again = dice.randint(1, scenario.calls) if i % 4 == 3 else 0
            share.recoveries += again != 0
            try:
                struck, struck_again = scenario.kill(call, torn, again, dice)
                share.struck += struck
                share.recoveries_killed += struck_again
            except (Finding, subprocess.TimeoutExpired) as finding:
                share.struck += 1
                share.findings.append(f"{name}: killed at {call}{' (torn)' if torn else ''}{f', then at {again}' if again else ''} "
                                      f"({scenario.last}): {finding}")
                if options.keep:
                    kept = os.path.join(options.keep, f"{name}-{call}-{'torn' if torn else 'whole'}")
                    shutil.copytree(scenario.path, kept, dirs_exist_ok=True)
                if options.expect_caught:
                    break
            share.while_sealing += bool(SEALING.match(scenario.last.split(",")[0]))
        if share.findings and options.expect_caught:
            break
    return shares


def race(program, area, starters):
    """Several processes want one state at once; then the owner is killed."""
    def start():
        return subprocess.Popen([program.path, area, "add", "hold"], env=program.environment(), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    processes = [start() for _ in range(starters)]
    said = [p.stdout.readline().strip() for p in processes]
    owners = [p for p, words in zip(processes, said) if words == "holding"]
    try:
        if len(owners) != 1:
            raise Finding(f"{len(owners)} owners of one state: {said}")
        for p, words in zip(processes, said):
            if p is not owners[0] and not re.match(rf"busy: store .* is open in process {owners[0].pid} \(.+\) since ", words):
                raise Finding(f"refused without naming process {owners[0].pid}: {words}")
        owners[0].kill()
        owners[0].wait()
        heir = start()
        processes.append(heir)
        words = heir.stdout.readline().strip()
        if words != "holding":
            raise Finding(f"after its owner was killed the state cannot be opened: {words}")
    finally:
        for p in processes:
            p.communicate()


def races(options, base):
    area = os.path.join(base, "race")
    os.makedirs(area)
    findings = []
    for i in range(options.races):
        try:
            race(Program(options), area, 2 + i % 4)
        except Finding as finding:
            findings.append(f"race {i}: {finding}")
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="connector_program")
    parser.add_argument("--shim", required=True, help="libcrashshim.so")
    parser.add_argument("--points", type=int, default=400, help="kill points, over all scenarios")
    parser.add_argument("--all", action="store_true", help="every call of every scenario")
    parser.add_argument("--scenario", action="append", help="only these")
    parser.add_argument("--races", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", help="value of COCOZVEC_FAULT for the program")
    parser.add_argument("--expect-caught", action="store_true", help="succeed when something was found")
    parser.add_argument("--keep", help="copy the workspace of each finding here")
    options = parser.parse_args()
    options.program, options.shim = os.path.realpath(options.program), os.path.realpath(options.shim)

    started = time.monotonic()
    base = os.path.realpath(tempfile.mkdtemp(prefix="connector_kills_"))
    try:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            shares = list(pool.map(lambda i: work(options, i, base), range(options.jobs)))
        findings = [] if options.fault else races(options, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return report(options, shares, findings, time.monotonic() - started)


def report(options, shares, findings, seconds):
    total = collections.Counter()
    for name in dict.fromkeys(name for share in shares for name in share):
        here = [share[name] for share in shares if name in share]
        counted = collections.Counter()
        for share in here:
            counted.update({n: getattr(share, n) for n in COUNTED})
            findings += share.findings
        total += counted
        first = here[0]
        if not options.fault and not {"state", "data"} <= first.places.keys():
            findings.append(f"{name}: the shim saw no calls of one of the two stores: {dict(first.places)}")
        if not options.fault and name == "optimize" and not all(share.sealed for share in here):
            findings.append("optimize: no segment was written, so none was killed in the middle of it")
        print(f"{name + ':':16} {first.calls:4} calls ({' '.join(f'{op} {first.ops[op]}' for op in OPS if first.ops[op])}; "
              f"{' '.join(f'{place} {n}' for place, n in sorted(first.places.items()))}), killed {counted['struck']} times "
              f"({counted['while_sealing']} at segments and manifests)")
    for finding in findings[:20]:
        print("FOUND", finding[:1200])
    print(f"{total['struck']} kills, {total['recoveries_killed']} recoveries killed, {0 if options.fault else options.races} races, "
          f"{len(findings)} findings, {seconds:.0f} s")
    if options.expect_caught:
        print("the planted fault was caught" if findings else "the planted fault was NOT caught")
        return 0 if findings else 1
    if total["struck"] < 0.9 * total["tried"]:
        print(f"only {total['struck']} of {total['tried']} kills struck: the points do not cover the runs")
        return 1
    if total["recoveries_killed"] < 0.3 * total["recoveries"]:
        print(f"only {total['recoveries_killed']} of {total['recoveries']} recoveries were killed")
        return 1
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
