#!/usr/bin/env python3
"""Every rule of lint.py catches a planted violation, and lets the innocent neighbour pass."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint
import mutate


def findings(rule, **files):
    """`files`: path with '__' for '/' and '_dot_' for '.', so that a tree fits a call."""
    tree = lint.Tree({k.replace("__", "/").replace("_dot_", "."): v for k, v in files.items()})
    return [message for _, _, message in rule(tree)]


class OpenRule(unittest.TestCase):
    def caught(self, line, path="src__zvec__storage__log_dot_cc"):
        return findings(lint.check_open, **{path: "int f() {\n  " + line + "\n}\n"})

    def test_every_way_to_open_a_file_is_caught(self):
        for line in ("int fd = open(p, 0);", "int fd = ::open(p, 0);", "return openat(d, p, 0);", "creat(p, 0644);",
                     "FILE* f = fopen(p, \"r\");", "std::ifstream in(p);", "std::fstream io;", "mkstemp(p);",
                     "auto f = std::fopen(p, \"r\");"):
            self.assertEqual(len(self.caught(line)), 1, line)

    def test_all_layers_are_covered(self):
        for path in ("src__base__log_dot_cc", "src__cocoindex__state__s_dot_cc", "src__text__t_dot_h",
                     "src__connectors__localfs__walk_dot_cc"):
            self.assertEqual(len(self.caught("::open(p, 0);", path)), 1, path)

    def test_methods_comments_and_words_pass(self):
        for line in ("fs.open(p);", "fs->open(p);", "Collection::open(p);", "reopen(p);", "// open(2) is not used",
                     'return "cannot open(" + p;', "/* fopen( */ int x;", "is_open();", "mdb_env_open(e, p, 0, 0);"):
            self.assertEqual(self.caught(line), [], line)

    def test_declarations_pass_and_calls_behind_a_keyword_do_not(self):
        for line in ("static std::unique_ptr<Store> open(const Settings& s);", "Store open(int x);", "Store& open(int x);",
                     "auto session = open();"):
            self.assertEqual(self.caught(line), [], line)
        for line in ("return open(p, 0);", "if (x && open(p, 0) < 0) {}", "int fd = x ? 0 : open(p, 0);", "else open(p, 0);"):
            self.assertEqual(len(self.caught(line)), 1, line)

    def test_the_io_folder_and_tests_pass(self):
        self.assertEqual(self.caught("::open(p, 0);", "src__base__io__posix_dot_cc"), [])
        for path in ("src__zvec__storage__log_test_dot_cc", "src__zvec__testing__folder_dot_h", "src__zvec__test_folder_dot_h"):
            self.assertEqual(self.caught("std::ofstream out(p);", path), [], path)

    def test_a_digit_separator_does_not_hide_the_rest_of_the_line(self):
        self.assertEqual(len(self.caught("f(100'000, open(p, 0), 'x');")), 1)


class LayerRule(unittest.TestCase):
    def caught(self, path, name):
        return len(findings(lint.check_layers, **{path: f'#include "{name}"\n'}))

    def test_wrong_directions_are_caught(self):
        for path, name in (("src__base__a_dot_h", "zvec/doc.h"), ("src__base__a_dot_cc", "cocoindex/app.h"),
                           ("src__zvec__q__a_dot_cc", "cocoindex/app.h"), ("include__zvec__a_dot_h", "cocoindex/app.h"),
                           ("src__cocoindex__r__a_dot_cc", "zvec/doc.h"), ("include__cocoindex__a_dot_h", "zvec/doc.h"),
                           ("include__cocozvec__base__a_dot_h", "zvec/doc.h"),
                           ("src__text__a_dot_cc", "zvec/doc.h"), ("src__text__a_dot_cc", "cocoindex/app.h")):
            self.assertEqual(self.caught(path, name), 1, path + " " + name)

    def test_right_directions_pass(self):
        for path, name in (("src__zvec__q__a_dot_cc", "cocozvec/base/status.h"), ("src__zvec__q__a_dot_cc", "base/coding.h"),
                           ("src__connectors__zvec__a_dot_cc", "zvec/doc.h"), ("src__connectors__zvec__a_dot_cc", "cocoindex/app.h"),
                           ("include__cocoindex__connectors__zvec_dot_h", "zvec/doc.h"),
                           ("src__text__a_dot_cc", "cocoindex/text/splitter.h"), ("src__text__a_dot_cc", "text/utf8.h")):
            self.assertEqual(self.caught(path, name), 0, path + " " + name)


class PublicHeaderRule(unittest.TestCase):
    def caught(self, text):
        return len(findings(lint.check_public_headers, include__zvec__a_dot_h="#pragma once\n" + text))

    def test_foreign_heavy_and_internal_headers_are_caught(self):
        for name in ("<filesystem>", "<iostream>", "<ranges>", "<regex>", "<lmdb.h>", "<fmt/format.h>",
                     "<roaring/roaring.hh>", '"base/coding.h"', '"query/filter.h"'):
            self.assertEqual(self.caught(f"#include {name}\n"), 1, name)

    def test_standard_and_public_headers_pass(self):
        self.assertEqual(self.caught('#include <vector>\n#include "zvec/doc.h"\n#include "cocozvec/base/status.h"\n'), 0)

    def test_a_header_without_guard_is_caught(self):
        self.assertEqual(len(findings(lint.check_public_headers, include__zvec__a_dot_h="int x;\n")), 1)

    def test_an_include_that_is_not_installed_is_caught(self):
        files = {"include__zvec__a_dot_h": '#include "zvec/storage/log.h"\n#include "zvec/b.h"\n',
                 "include__zvec__b_dot_h": "", "src__zvec__storage__log_dot_h": ""}
        self.assertEqual(len(findings(lint.check_internal_includes, **files)), 1)


class EngineConformanceRule(unittest.TestCase):
    def test_a_test_that_is_not_there_is_caught(self):
        tests = {"src__a_test_dot_cc": "TEST_F(A,\n       One) {}\n",
                 "tests__CMakeLists_dot_txt": "add_test(NAME whole\n  COMMAND x)\n  zvec_add_test(a_${kind}_test SOURCES x)\n"}
        for table, count in (("| 1 one | `A.One` `whole` `a_small_test`; as `coco.x` says |", 0), ("| 2 `call` | not built; `a` |", 0),
                             ("| 1 one | `A.One` `B.Two` |\n| 2 two | `A.Two` |", 2), ("| 1 one | `A.One` `hole` |", 1),
                             ("| 1 one | `A.One`; not `B.Two` |", 1), ("| 1 one | `a_test` |", 1)):
            found = findings(lint.check_engine_conformance, **tests, **{"docs__engine-conformance_dot_md": table})
            self.assertEqual(len(found), count, table)


class ConformanceRule(unittest.TestCase):
    TABLE = "| R1 | one | `A.One` |\n| R2 | two | – Python: the other surface |\n"
    TESTS = "// Covers: R1\nTEST(A, One) {}\n"

    def caught(self, table=TABLE, tests=TESTS, path="src__a_test_dot_cc"):
        return findings(lint.check_conformance, **{"docs__conformance_dot_md": table, path: tests})

    def test_a_table_that_holds_passes(self):
        self.assertEqual(self.caught(), [])
        self.assertEqual(findings(lint.check_conformance, src__a_test_dot_cc=self.TESTS), [])  # no table, no rule

    def test_a_requirement_without_test_or_reason_is_caught(self):
        self.assertEqual(len(self.caught(self.TABLE + "| R3 | three |  |\n")), 1)
        self.assertEqual(len(self.caught(self.TABLE + "| R3 | three | – |\n")), 1)

    def test_a_listed_test_must_exist_and_name_its_row(self):
        self.assertEqual(len(self.caught(tests="TEST(A, One) {}\n")), 1)
        self.assertEqual(len(self.caught(self.TABLE.replace("A.One", "A.Two"))), 1)

    def test_a_reason_beside_a_test_and_an_unknown_identifier_are_caught(self):
        self.assertEqual(len(self.caught(tests=self.TESTS.replace("R1", "R1, R2"))), 1)
        self.assertEqual(len(self.caught(tests=self.TESTS.replace("R1", "R1, R9"))), 1)

    def test_a_tag_belongs_to_the_test_behind_it(self):
        self.assertEqual(len(self.caught(tests=self.TESTS + "// Covers: R1\nint x;\n")), 1)
        loop = {"src__CMakeLists_dot_txt": "# Covers: R1\nadd_test(NAME a_${case} COMMAND x)\n", "src__a_test_dot_cc": self.TESTS}
        self.assertEqual(len(findings(lint.check_conformance, docs__conformance_dot_md=self.TABLE, **loop)), 1)
        for tests, path, name in (
                ("// Covers: R1\n// Guards: a\n// bug.\nTEST_F(Suite, Name) {\n", "src__a_test_dot_cc", "Suite.Name"),
                ("// Covers: R1\nTEST_F(Suite,\n       Name) {\n", "src__a_test_dot_cc", "Suite.Name"),
                ("# Covers: R1\nadd_test(NAME whole COMMAND x)\n", "tests__CMakeLists_dot_txt", "whole"),
                ("# Covers: R1\n  zvec_refusal(pending \"x\")\n", "src__CMakeLists_dot_txt", "connector_zvec_refuses_pending"),
                ("    # Covers: R1\n    def test_it(self):\n", "tests__t_dot_py", "test_it")):
            self.assertEqual(self.caught(self.TABLE.replace("A.One", name), tests, path), [], tests)


class Mutants(unittest.TestCase):
    ENTRY = "# a comment\nname: a\nfile: f.cc\nold: x: y\nnew:\ntests: t u\n"

    def test_an_entry_is_read_and_applied_where_it_fits_once(self):
        (mutant,) = mutate.parse(self.ENTRY)
        self.assertEqual((mutant.old, mutant.new, mutant.tests, mutant.survives), ("x: y", "", ["t", "u"], ""))
        self.assertEqual(mutate.broken(mutant, "a x: y b"), "a  b")
        for source in ("nothing", "x: y x: y"):
            self.assertRaises(ValueError, mutate.broken, mutant, source)

    def test_a_bad_entry_is_refused(self):
        for text in (self.ENTRY.replace("old: x: y\n", ""), self.ENTRY + "more: x\n", self.ENTRY + "\n" + self.ENTRY):
            self.assertRaises(ValueError, mutate.parse, text)


class OtherRules(unittest.TestCase):
    def test_a_folder_without_readme_is_caught(self):
        self.assertEqual(len(findings(lint.check_readmes, src__a__x_dot_cc="", src__b__y_dot_cc="",
                                      src__b__README_dot_md="")), 1)

    def test_unfinished_work_is_caught(self):
        word = "TO" + "DO"
        self.assertEqual(len(findings(lint.check_unfinished, src__a_dot_cc=f"// {word}: later\n")), 1)
        self.assertEqual(findings(lint.check_unfinished, src__a_dot_cc="int todo_list;\n"), [])

    def test_a_disabled_test_is_caught(self):
        self.assertEqual(len(findings(lint.check_tests_assert, src__a_test_dot_cc="TEST(Log, DISABLED_Works) {}\n")), 1)
        self.assertEqual(findings(lint.check_tests_assert, src__a_test_dot_cc="TEST(Log, Works) {}\n"), [])

    def test_a_long_file_is_listed(self):
        self.assertEqual(len(findings(lint.check_length, src__a_dot_cc="\n" * (lint.SOURCE_LINES + 1))), 1)
        self.assertEqual(findings(lint.check_length, src__a_dot_cc="\n" * lint.SOURCE_LINES), [])

    def test_a_test_that_is_not_built_is_caught(self):
        def caught(lists, path="src__zvec__m__a_test_dot_cc"):
            return len(findings(lint.check_tests_built, **{path: "", "src__zvec__m__CMakeLists_dot_txt": lists}))
        self.assertEqual(caught("zvec_add_module(m TESTS b_test.cc a_test.cc)"), 0)
        self.assertEqual(caught("zvec_add_module(m TESTS sub/a_test.cc)", "src__zvec__m__sub__a_test_dot_cc"), 0)
        self.assertEqual(caught("", "src__zvec__m__a_dot_cc"), 0)
        for lists in ("", "TESTS b_test.cc", "TESTS extra_test.cc", "TESTS a_test.cc.in", "TESTS sub/a_test.cc", "# a_test.cc"):
            self.assertEqual(caught(lists.replace("extra", "extra_a")), 1, lists)

    def test_shell_scripts_are_found_by_name_and_by_first_line(self):
        tree = lint.Tree({"dev": "#!/usr/bin/env bash\n", "a.sh": "", "b.py": "#!/usr/bin/env python3\n"})
        self.assertEqual(lint.shell_scripts(tree), ["a.sh", "dev"])


if __name__ == "__main__":
    unittest.main(verbosity=0)
