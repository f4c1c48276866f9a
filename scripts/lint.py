#!/usr/bin/env python3
"""The rules of the repository that a compiler does not check. `./dev lint` runs it; scripts/lint_test.py tests it.

Each rule is a function from the tree of files to findings; the table RULES at the end is the list. A finding is an
error, but for over-long files, which are listed only.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import conformance  # noqa: E402

CODE_FOLDERS = ("include", "src", "apps", "tests", "bench", "examples", "fuzz", "python", "cmake", "scripts")
CXX = (".h", ".cc")
SOURCE_LINES = 700

# Words that open a file. `open(` after a dot, an arrow or another namespace is a method of our own, and fine.
OPEN_CALLS = re.compile(
    r"(?<![\w.>:])(?:::\s*)?(?:open|open64|openat|openat2|creat|fopen|fopen64|freopen|mkstemp|mkostemp|tmpfile)\s*\("
    r"|\bstd::(?:basic_)?(?:i|o)?fstream\b|\bstd::(?:basic_)?filebuf\b|\bstd::(?:f|fre)open\b"
)
# A declaration names its type first: `std::unique_ptr<Store> open(...)` is a function of our own.
DECLARED = re.compile(r"(?:(\w+)|>)[&*]?\s+$")
NOT_A_TYPE = {"return", "else", "do", "throw", "case", "co_return", "co_await", "co_yield", "not", "and", "or"}
# Everything that the database or the engine stores goes through src/base/io. LMDB opens its own files; a test may
# damage a file behind the library's back.
OPEN_FOLDERS = ("src/base", "src/zvec", "src/cocoindex", "src/text", "src/connectors")
OPEN_EXEMPT = ("src/base/io/",)
TEST_CODE = re.compile(r"_test\.cc$|/testing/|/test_[^/]*$")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
HEAVY = {"filesystem", "regex", "ranges", "iostream"}
OWN_PUBLIC = ("cocozvec/", "zvec/", "cocoindex/")
# folder -> (forbidden first parts of an include, the invariant in words)
LAYERS = (
    ("src/base/", ("zvec/", "cocoindex/", "connectors/", "text/"), "src/base knows no layer above it"),
    ("include/cocozvec/base/", ("zvec/", "cocoindex/"), "the public base knows no layer above it"),
    ("src/zvec/", ("cocoindex/", "connectors/", "text/"), "the database does not know the engine"),
    ("include/zvec/", ("cocoindex/",), "the database does not know the engine"),
    ("src/cocoindex/", ("zvec/", "connectors/", "text/"), "the engine does not know the database"),
    ("include/cocoindex/", ("zvec/",), "the engine does not know the database"),
    ("src/text/", ("zvec/", "connectors/"), "text knows neither layer"),
)
LAYER_EXEMPT = ("include/cocoindex/connectors/",)  # the only public headers that may name both layers
# In src/text the engine is out of bounds too, but for its own public headers.
TEXT_OWN = "cocoindex/text/"


class Tree:
    """Relative path -> text, for every text file that the rules look at."""

    def __init__(self, files):
        self.files = dict(sorted(files.items()))

    @classmethod
    def read(cls, root):
        files = {}
        for top in sorted(os.listdir(root)):
            path = os.path.join(root, top)
            if os.path.isfile(path):
                cls._add(files, root, path)
            elif top in CODE_FOLDERS or top in (".ci", "docs"):
                for folder, subfolders, names in os.walk(path):
                    subfolders[:] = [d for d in subfolders if d not in ("build", "__pycache__")]
                    for name in names:
                        cls._add(files, root, os.path.join(folder, name))
        return cls(files)

    @staticmethod
    def _add(files, root, path):
        if os.path.islink(path):
            return
        with open(path, "rb") as f:
            data = f.read()
        if b"\0" not in data:
            files[os.path.relpath(path, root)] = data.decode("utf-8", errors="replace")

    def cxx(self, *folders):
        for path, text in self.files.items():
            if path.endswith(CXX) and (not folders or path.startswith(tuple(f + "/" for f in folders))):
                yield path, text


def without_comments_and_text(source):
    """Blanks out comments and literals, and keeps every line where it was."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'',
        re.DOTALL,
    )
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), source)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def includes(text):
    return [(line_of(text, m.start(1)), m.group(1), m.group(2)) for m in INCLUDE.finditer(text)]


def check_open(tree):
    for path, text in tree.cxx(*OPEN_FOLDERS):
        if path.startswith(OPEN_EXEMPT) or TEST_CODE.search(path):
            continue
        code = without_comments_and_text(text)
        for m in OPEN_CALLS.finditer(code):
            call = m.group().strip(" (")
            before = DECLARED.search(code, code.rfind("\n", 0, m.start()) + 1, m.start())
            if call == "open" and before and before.group(1) not in NOT_A_TYPE:
                continue
            if call == "open" and code[m.end():].lstrip().startswith(")"):
                continue  # open() without arguments is a method of the class around it
            yield path, line_of(code, m.start()), f"'{call}' outside src/base/io: go through cocozvec's FileSystem"


def check_layers(tree):
    for folder, forbidden, invariant in LAYERS:
        for path, text in tree.cxx(folder.rstrip("/")):
            if path.startswith(LAYER_EXEMPT):
                continue
            for line, _, name in includes(text):
                if name.startswith(forbidden) and not (folder == "src/text/" and name.startswith("text/")):
                    yield path, line, f"includes {name}: {invariant}"
    for path, text in tree.cxx("src/text"):
        for line, _, name in includes(text):
            if name.startswith("cocoindex/") and not name.startswith(TEXT_OWN):
                yield path, line, f"includes {name}: text knows neither layer"


def check_public_headers(tree):
    for path, text in tree.cxx("include"):
        for line, bracket, name in includes(text):
            if name in HEAVY:
                yield path, line, f"includes <{name}>, too heavy for a public header (up to 0.9 s a file)"
            elif bracket == '"' and not name.startswith(OWN_PUBLIC):
                yield path, line, f'includes "{name}": a public header sees public headers only'
            elif bracket == "<" and ("/" in name or "." in name):
                yield path, line, f"includes <{name}>: no third-party header in a public header"
        if "#pragma once" not in text:
            yield path, 1, "no '#pragma once'"


def check_internal_includes(tree):
    """A quoted include of a public header must name a header that exists; catches what only the build tree forgives."""
    known = {p[len("include/"):] for p in tree.files if p.startswith("include/")}
    for path, text in tree.cxx("include"):
        for line, bracket, name in includes(text):
            if bracket == '"' and name.startswith(OWN_PUBLIC) and name not in known:
                yield path, line, f'includes "{name}", which is not in include/ and will not be installed'


def check_readmes(tree):
    folders = {os.path.dirname(p) for p, _ in tree.cxx("src", "apps") if "/testing/" not in p}
    for folder in sorted(folders):
        if folder + "/README.md" not in tree.files:
            yield folder, 1, "a source folder without README.md (style.md 6: what it does, where to start, invariants)"


def check_unfinished(tree):
    word = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
    for path, text in tree.files.items():
        if path.startswith(("scripts/lint", "docs/")) or os.path.dirname(path) == "":
            continue
        for m in word.finditer(text):
            yield path, line_of(text, m.start()), f"'{m.group()}': finish it, or leave it out and say so in the README"


def check_tests_assert(tree):
    for path, text in tree.cxx("src", "apps", "tests"):
        for m in re.finditer(r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST)\s*\(\s*DISABLED_|,\s*DISABLED_", text):
            yield path, line_of(text, m.start()), "a disabled test: one that fails for a known reason asserts today's behaviour"


def check_tests_built(tree):
    """A test that no CMakeLists.txt of its folder or of one above names is not run."""
    for path, _ in tree.cxx("src", "tests"):
        if not path.endswith("_test.cc"):
            continue
        folder, named = os.path.dirname(path), False
        while folder and not named:
            name = re.escape(os.path.relpath(path, folder))
            lists = re.sub(r"#.*", "", tree.files.get(folder + "/CMakeLists.txt", ""))
            named = re.search(rf"(?<![\w./-]){name}(?![\w.])", lists) is not None
            folder = os.path.dirname(folder)
        if not named:
            yield path, 1, "no CMakeLists.txt names this test"


def check_length(tree):
    for path, text in tree.cxx():
        count = text.count("\n")
        if count > SOURCE_LINES:
            yield path, count, f"{count} lines, over {SOURCE_LINES}"


def check_conformance(tree):
    """Every requirement on the connector has a test that names it, or a reason (scripts/conformance.py)."""
    yield from conformance.check(tree.files)


ENGINE_TABLE = "docs/engine-conformance.md"


def ctest_names(tree):
    """One pattern for every test that a CMakeLists.txt adds; what a loop fills in stands for any word."""
    names = ["(?!)"]
    for path, text in tree.files.items():
        if path.endswith("CMakeLists.txt"):
            names += re.findall(r"(?m)^\s*(?:add_test\(NAME|zvec_add_test\()\s*([\w${}]+)", text)
    return re.compile("|".join(re.sub(r"\$\{\w+\}", r"\\w+", name) for name in names))


def check_engine_conformance(tree):
    """Every test that the engine's table names is there: of GoogleTest wherever it stands, of ctest as one of the names
    before the remark in the last cell."""
    if ENGINE_TABLE not in tree.files:
        return
    tests, programs = set(), ctest_names(tree)
    for _, text in tree.cxx("src", "tests"):
        tests.update(".".join(m) for m in re.findall(r"(?m)^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)", text))
    for number, line in enumerate(tree.files[ENGINE_TABLE].split("\n"), 1):
        named = re.findall(r"`([A-Z]\w*\.[A-Z]\w*)`", line)
        if row := re.match(r"\| \d.* \| (.*) \|$", line):
            named += re.findall(r"`([^`]+)`", row.group(1).split(";")[0])
        for name in dict.fromkeys(named):
            if name not in tests and not programs.fullmatch(name):
                yield ENGINE_TABLE, number, f"there is no test {name}"


RULES = (check_open, check_layers, check_public_headers, check_internal_includes, check_readmes, check_unfinished,
         check_tests_assert, check_tests_built, check_conformance, check_engine_conformance)
WARNINGS = (check_length,)


def run_tool(root, command, paths, missing):
    """Runs an outside checker over `paths`; counts its failure as one finding."""
    if shutil.which(command[0]) is None:
        print(f"error: {command[0]} is not installed: {missing}")
        return 1
    if not paths:
        return 0
    return 1 if subprocess.run(command + paths, cwd=root, check=False).returncode else 0


def shell_scripts(tree):
    return [p for p, text in tree.files.items() if p.endswith(".sh") or re.match(r"#!.*\b(ba)?sh\b", text)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument("--list-cxx", action="store_true", help="print the C++ files and stop")
    parser.add_argument("--rules-only", action="store_true", help="neither clang-format nor shellcheck")
    args = parser.parse_args()
    tree = Tree.read(args.root)
    cxx = [p for p, _ in tree.cxx()]
    if args.list_cxx:
        print("\n".join(cxx))
        return 0

    errors = 0
    for rule in RULES:
        for path, line, message in rule(tree):
            print(f"{path}:{line}: error: {message}")
            errors += 1
    for rule in WARNINGS:
        for path, line, message in rule(tree):
            print(f"{path}:{line}: warning: {message}")
    if not args.rules_only:
        errors += run_tool(args.root, ["clang-format-19", "--dry-run", "--Werror"], cxx, "./dev setup clang")
        errors += run_tool(args.root, ["shellcheck"], shell_scripts(tree), "./dev setup clang")
    print(f"lint: {len(tree.files)} files, {len(RULES)} rules, {errors} error{'s' if errors != 1 else ''}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
