#!/usr/bin/env python3
"""Real files end to end: manual pages of Debian packages are indexed, some of them changed, removed and renamed, and the
store must then equal a fresh index of the same folder, document by document.

    manpages.py --cli build/release/bin/cocozvec          300 files, as ./dev test runs it
    manpages.py --cli build/release/bin/cocozvec --full   all of them, at least 2,000, as ./dev bench manpages does
"""

import argparse
import glob
import gzip
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

PACKAGES = ("manpages", "manpages-dev", "manpages-de", "manpages-fr", "git-man")
FALLBACK = ("/usr/share/common-licenses", "/usr/share/doc", "/usr/share/man")
FULL_LEAST = 2_000
MOST = 10_000  # of one package
CHANGED = REMOVED = RENAMED = 20
MOST_MEGABYTES = 300
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def say(text):
    print(text, flush=True)


def check(condition, text):
    if not condition:
        sys.exit(f"manpages: FAILED: {text}")


def is_text(data):
    if not data or b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read(path):
    try:
        with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def collect(source, target, most):
    """Unpacks text files below `source` into `target`, folders kept; returns how many."""
    count = 0
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            if count >= most:
                return count
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            data = read(path)
            if not is_text(data):
                continue
            out = os.path.join(target, os.path.relpath(path, source).removesuffix(".gz") + ".txt")
            os.makedirs(os.path.dirname(out), exist_ok=True)
            with open(out, "wb") as f:
                f.write(data)
            count += 1
    return count


def download(work):
    """The packages that could be had, unpacked; apt-get uses the lists that are there."""
    found = []
    for package in PACKAGES:
        folder = os.path.join(work, "deb", package)
        os.makedirs(folder)
        done = subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=300, check=False)
        debs = glob.glob(os.path.join(glob.escape(folder), "*.deb"))
        if done.returncode == 0 and debs:
            out = os.path.join(work, "unpacked", package)
            os.makedirs(out)
            subprocess.run(["dpkg-deb", "-x", debs[0], out], check=True)
            found.append((package, os.path.join(out, "usr/share/man")))
    return found


def make_corpus(target):
    """Fills `target` once; says what it holds and where that is from."""
    work = tempfile.mkdtemp(prefix="cocozvec_manpages.")
    counts = {}
    try:
        for package, folder in download(work) if shutil.which("apt-get") and shutil.which("dpkg-deb") else []:
            counts[package] = collect(folder, os.path.join(work, "text", package), MOST)
        if sum(counts.values()) < FULL_LEAST:
            for folder in FALLBACK:
                room = max(0, FULL_LEAST - sum(counts.values()))
                counts[folder] = collect(folder, os.path.join(work, "text", os.path.basename(folder)), room)
        os.makedirs(os.path.join(work, "text"), exist_ok=True)
        with open(os.path.join(work, "text", ".counts"), "w", encoding="utf-8") as f:
            json.dump(counts, f)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(os.path.join(work, "text"), target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def corpus(cache):
    target = os.path.join(cache, "text")
    if not os.path.exists(os.path.join(target, ".counts")):
        say("unpacking Debian packages: " + " ".join(PACKAGES))
        make_corpus(target)
    with open(os.path.join(target, ".counts"), encoding="utf-8") as f:
        counts = json.load(f)
    say("corpus: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    if any(name in counts for name in FALLBACK):
        say("corpus: the packages could not be had, or too few: text of this machine stands in for them")
    files = []
    for folder, _, names in os.walk(target):
        files += [os.path.relpath(os.path.join(folder, n), target) for n in names if n != ".counts"]
    return target, sorted(files)


class Cli:
    def __init__(self, program):
        self.program = program
        self.largest = 0  # resident megabytes of any run so far

    def run(self, out, *arguments):
        """Wall seconds and the most resident memory in megabytes of that one process. The kernel counts what this script held
        when it started the process as well, so the script must stay small: output goes to files."""
        begin = time.monotonic()
        with tempfile.TemporaryFile() as err:
            process = subprocess.Popen([self.program, *arguments], stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.monotonic() - begin
            err.seek(0)
            check(process.returncode == 0, f"{arguments}: exit {process.returncode}\n{err.read().decode()[-2000:]}")
        megabytes = usage.ru_maxrss / 1024
        self.largest = max(self.largest, megabytes)
        return seconds, megabytes

    def index(self, folder, store, what):
        with tempfile.TemporaryFile() as out:
            seconds, megabytes = self.run(out, "index", folder, "--store", store, "--json")
            out.seek(0)
            report = json.load(out)
        check(not report["errors"], f"{what}: {report['errors'][:3]}")
        f, d = report["files"], report["documents"]
        say(f"{what}: {f['seen']} files seen, {f['processed']} processed, {f['unchanged']} unchanged, {f['removed']} "
            f"removed; {d['upserted']} documents written, {d['deleted']} deleted, {d['total']} in total; "
            f"{seconds:.2f} s, {megabytes:.0f} MB")
        return report

    def export(self, store):
        """A file of all documents, vectors included."""
        path = store + ".jsonl"
        with open(path, "wb") as out:
            seconds, megabytes = self.run(out, "export", "--store", store, "--jsonl", "--vectors")
        say(f"export of {os.path.basename(store)}: {os.path.getsize(path) / 1e6:.0f} MB in {seconds:.2f} s, {megabytes:.0f} MB")
        return path


def change(folder, files, rng):
    """Edits, removes and renames; disjoint sets. Returns how many of each."""
    each = min(CHANGED, len(files) // 10)
    picked = rng.sample(files, 3 * each)
    for name in picked[:each]:
        with open(os.path.join(folder, name), "r+b") as f:
            data = f.read()
            middle = data.find(b"\n", len(data) // 2) + 1  # pieces before it keep their place, those behind move
            f.seek(middle)
            f.write(b"\n\nAn edit by the scenario.\n\n" + data[middle:])
    for name in picked[each:2 * each]:
        os.remove(os.path.join(folder, name))
    for name in picked[2 * each:]:
        os.rename(os.path.join(folder, name), os.path.join(folder, name + ".renamed.txt"))
    return each


def compare(ours, fresh):
    """How many lines the two files have in common; the first difference ends the scenario."""
    count = 0
    with open(ours, "rb") as a, open(fresh, "rb") as b:
        for left, right in itertools.zip_longest(a, b):
            check(left == right, f"the store differs from a fresh index in document {count}:\n"
                                 f"  {(left or b'nothing')[:300]}\n  {(right or b'nothing')[:300]}")
            count += 1
    return count


def scenario(cli, source, files, work):
    folder, store, fresh = (os.path.join(work, name) for name in ("docs", "store", "fresh"))
    for name in files:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(os.path.join(source, name), path)

    first = cli.index(folder, store, "first run")
    check(first["files"]["processed"] == len(files), f"{len(files)} files to process")
    quiet = cli.index(folder, store, "nothing changed")
    check(quiet["components_executed"] == 0, "a run without a change executed components")

    each = change(folder, files, random.Random(20))
    second = cli.index(folder, store, f"{each} changed, {each} removed, {each} renamed")
    check(second["files"]["processed"] == 2 * each, f"{2 * each} files to process")
    check(second["files"]["removed"] == 2 * each, f"{2 * each} files to remove")
    third = cli.index(folder, store, "nothing changed")
    check(third["components_executed"] == 0, "the run after executed components")
    check(third["documents"]["upserted"] + third["documents"]["deleted"] == 0, "the run after wrote documents")

    cli.index(folder, fresh, "fresh index")
    count = compare(cli.export(store), cli.export(fresh))
    check(count == third["documents"]["total"], f"{count} exported, {third['documents']['total']} on record")
    say(f"equal to the fresh index: {count} documents, vectors included")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cli", required=True)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--full", action="store_true", help=f"every file, at least {FULL_LEAST}")
    parser.add_argument("--cache", default=os.path.join(ROOT, "build", "cache", "manpages"))
    parser.add_argument("--sanitized", action="store_true", help="the program uses more memory than a release does")
    options = parser.parse_args()

    source, files = corpus(options.cache)
    if options.full:
        check(len(files) >= FULL_LEAST, f"{len(files)} files, {FULL_LEAST} needed")
    else:
        check(len(files) >= 30, f"{len(files)} files, 30 needed at the very least")
        files = sorted(random.Random(3).sample(files, min(options.files, len(files))))
    size = sum(os.path.getsize(os.path.join(source, name)) for name in files)
    say(f"{len(files)} files, {size / 1e6:.1f} MB of text")

    work = os.path.realpath(tempfile.mkdtemp(prefix="cocozvec_scenario."))
    cli = Cli(os.path.abspath(options.cli))
    try:
        scenario(cli, source, files, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say(f"most memory of any run: {cli.largest:.0f} MB" + (" (sanitized: no limit)" if options.sanitized else ""))
    check(options.sanitized or cli.largest < MOST_MEGABYTES, f"{cli.largest:.0f} MB, limit {MOST_MEGABYTES}")


if __name__ == "__main__":
    main()
