#!/usr/bin/env python3
"""docs/conformance.md says which test proves which requirement; this checks it and writes its last column.

A test names what it proves in a comment before it: `// Covers: R34, S3` (`#` in Python and CMake). The identifiers and
their sentences stand in docs/conformance.md. A row without a test has a reason there, which begins with a dash.
`./dev conformance` rewrites the tests of every row; `./dev lint` (scripts/lint.py) fails when a row has neither test nor
reason, when a listed test does not exist or does not name the row, and when a test names what is not in the table.
"""

import os
import re
import sys

TABLE = "docs/conformance.md"
FOLDERS = ("src/", "tests/", "apps/", "examples/", "bench/")
SHOWN = 6  # tests in a cell; more are counted
COVERS = re.compile(r"^\s*(?://|#)\s*Covers:\s*(.*?)\s*$")
COMMENT = re.compile(r"^\s*(?://|#(?!\s*(?:el)?if\b))")
DEFINITIONS = (
    re.compile(r"^\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\(\s*(\w+)\s*,\s*(\w+)"),
    re.compile(r"^\s*#(?:el)?if\s+defined\(CASE_(\w+)\)"),
    re.compile(r"^\s*add_test\(NAME\s+([\w${}]+)"),
    re.compile(r"^\s*zvec_(?:refusal|add_test)\((\w+)"),
    re.compile(r"^\s*(?:def|class)\s+([Tt]est\w*)"),
)
ROW = re.compile(r"^\| ([A-Z]\d+) \| (.*) \| (.*) \|$")


def test_named(line):
    for pattern in DEFINITIONS:
        if m := pattern.match(line):
            if pattern is DEFINITIONS[1] or line.lstrip().startswith("zvec_refusal"):
                return "connector_zvec_refuses_" + m.group(1)
            return ".".join(m.groups())
    return None


def tags(files):
    """({id: [test]}, [(path, line, what is wrong with a tag)]) of a mapping from path to text."""
    found, wrong = {}, []
    for path, text in files.items():
        if not path.startswith(FOLDERS):
            continue
        lines = text.split("\n")
        for at, line in enumerate(lines):
            if not (m := COVERS.match(line)):
                if COMMENT.match(line) and re.search(r"\bCovers: [A-Z]\d", line):
                    wrong.append((path, at + 1, "'Covers' stands on a line of its own"))
                continue
            ids = [i.strip() for i in m.group(1).split(",")]
            rest = (l for l in lines[at + 1:at + 12] if not COMMENT.match(l) and l.strip() != "")
            following = next(rest, "")
            if following.rstrip().endswith(("(", ",")):  # a long name stands on the next line
                following += next(rest, "").strip()
            name = test_named(following)
            if name is None:
                wrong.append((path, at + 1, "'Covers' is followed by no test"))
                continue
            if "$" in name:
                wrong.append((path, at + 1, f"'Covers' stands on {name}, which is no test's name before CMake has run"))
                continue
            for i in ids:
                if not re.fullmatch(r"[A-Z]\d+", i):
                    wrong.append((path, at + 1, f"'Covers' names {i!r}, which is no identifier"))
                else:
                    found.setdefault(i, []).append(name)
    return found, wrong


def rows(table):
    """(line, id, sentence, cell) of each row."""
    return [(n, *m.groups()) for n, line in enumerate(table.split("\n"), 1) if (m := ROW.match(line))]


def check(files):
    """(path, line, message) of everything that is wrong."""
    if TABLE not in files:
        return
    found, wrong = tags(files)
    yield from wrong
    known = set()
    for line, name, _, cell in rows(files[TABLE]):
        if name in known:
            yield TABLE, line, f"{name} has two rows"
        known.add(name)
        listed = re.findall(r"`([^`]+)`", cell)
        if cell.startswith("–"):
            if found.get(name):
                yield TABLE, line, f"{name} has tests by now: ./dev conformance"
            elif len(cell) < 10:
                yield TABLE, line, f"{name} has no test, and no reason is given"
            continue
        if not listed:
            yield TABLE, line, f"{name} has no test: write one that says `// Covers: {name}`, or the reason after a dash"
        for test in listed:
            if test not in found.get(name, []):
                yield TABLE, line, f"{name} lists {test}, but no test of that name says `// Covers: {name}`"
    for name in sorted(set(found) - known):
        yield TABLE, 1, f"tests cover {name} ({', '.join(found[name][:3])}), which is not in the table"


def rewritten(files):
    found, _ = tags(files)
    out = []
    for line in files[TABLE].split("\n"):
        if m := ROW.match(line):
            name, sentence, cell = m.groups()
            tests = sorted(dict.fromkeys(found.get(name, [])))
            if tests:
                more = f" and {len(tests) - SHOWN} more" if len(tests) > SHOWN else ""
                cell = ", ".join(f"`{t}`" for t in tests[:SHOWN]) + more
            elif not cell.startswith("–"):
                cell = ""
            line = f"| {name} | {sentence} | {cell} |"
        out.append(line)
    text = "\n".join(out)
    return re.sub(r"(?m)^Totals:.*$", totals(text, found), text)


def totals(text, found):
    parts = []
    for letter, kind in (("R", "requirements"), ("S", "scenarios"), ("E", "promises"), ("W", "faults of the published packages")):
        ids = [(name, cell) for _, name, _, cell in rows(text) if name[0] == letter]
        proved = sum(1 for _, cell in ids if "`" in cell)
        parts.append(f"{proved} of {len(ids)} {kind}")
    return f"Totals: {', '.join(parts)} have tests; {len({t for tests in found.values() for t in tests})} tests name one."


def main():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import lint
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    files = lint.Tree.read(root).files
    text = rewritten(files)
    with open(os.path.join(root, TABLE), "w", encoding="utf-8") as file:
        file.write(text)
    files = dict(files) | {TABLE: text}
    problems = list(check(files))
    for path, line, message in problems:
        print(f"{path}:{line}: {message}")
    print(re.search(r"(?m)^Totals:.*$", text).group())
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
