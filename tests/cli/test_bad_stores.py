"""Stores that are none, not ours, newer or damaged: a message that names the object, an exit code, and nothing touched."""

import os
import random
import shutil

from support import DONE, FAILED, PARTLY, CliTest, collection_held, main, run


def tree(path):
    """Every file below with its bytes."""
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            full = os.path.join(folder, name)
            with open(full, "rb") as f:
                found[os.path.relpath(full, path)] = f.read()
    return found


class NotOurs(CliTest):
    def commands(self, store):
        return (["index", self.docs, "--store", store], ["search", "x", "--store", store], ["ls", "--store", store],
                ["export", "--jsonl", "--store", store], ["drop", "--yes", "--store", store])

    def assert_refused_untouched(self, store, *words):
        before = tree(self.tmp)
        for arguments in self.commands(store):
            self.assert_fails(arguments, store, *words)
        self.assertEqual(tree(self.tmp), before)

    def test_a_file_in_place_of_a_store(self):
        self.assert_refused_untouched(self.write("file", "content", folder=self.tmp), "is a file")

    def test_a_directory_of_something_else(self):
        self.write("notes.md", "mine", folder=self.store)
        self.assert_refused_untouched(self.store, "notes.md")

    def test_a_config_of_something_else(self):
        self.write("config", "[core]\n\tbare = false\n", folder=self.store)
        self.assert_refused_untouched(self.store, "not a cocozvec store")

    def test_a_newer_format_names_both_versions(self):
        self.write("config", "cocozvec-store 3 xxh3:0000000000000000\n{}\n", folder=self.store)
        self.assert_refused_untouched(self.store, "format 3", "up to 2")

    def test_a_place_where_nothing_can_be_made(self):
        self.assert_fails(["index", self.docs, "--store", "/proc/none/store"], "/proc/none")
        self.assert_fails(["index", self.docs, "--store", self.write("file", "x") + "/store"], "file/store")

    def test_a_config_alone_is_a_store_whose_next_run_makes_the_rest(self):
        self.write("a.txt", "some words")
        self.index()
        shutil.rmtree(os.path.join(self.store, "state"))
        shutil.rmtree(os.path.join(self.store, "data"))
        self.assert_fails(["search", "words", "--store", self.store], self.store, "no completed index")
        self.assertEqual(self.index()["documents"]["total"], 1)
        self.assert_equals_fresh_index()


class Healing(CliTest):
    def setUp(self):
        super().setUp()
        for i in range(5):
            self.write(f"{i}.txt", f"document number {i}")
        self.index()

    def test_a_lost_collection_is_made_again(self):
        shutil.rmtree(os.path.join(self.store, "data"))
        self.index()
        self.assert_equals_fresh_index()

    def test_a_lost_state_is_made_again(self):
        os.remove(os.path.join(self.docs, "0.txt"))
        shutil.rmtree(os.path.join(self.store, "state"))
        self.index()
        self.assert_equals_fresh_index()

    # Guards: the second run after the loss found a state again, empty, and kept documents that nobody knew.
    def test_a_lost_state_is_noticed_by_the_run_after_one_that_only_made_it_again(self):
        os.remove(os.path.join(self.docs, "0.txt"))
        shutil.rmtree(os.path.join(self.store, "state"))
        os.mkdir(os.path.join(self.store, "config.tmp"))  # other parameters cannot be written down: it ends there
        self.assert_fails(["index", self.docs, "--store", self.store, "--piece-size", "500"], "config")
        self.assertTrue(os.path.exists(os.path.join(self.store, "state")))
        os.rmdir(os.path.join(self.store, "config.tmp"))
        self.index()
        self.assert_equals_fresh_index()

    # Guards: rows that were no longer declared stayed in the collection for ever.
    def test_a_lost_mark_does_not_keep_what_is_no_longer_there(self):
        os.remove(os.path.join(self.store, "data", "chunks", "MARK"))
        os.remove(os.path.join(self.docs, "0.txt"))
        self.index()
        self.assert_equals_fresh_index()

    def test_a_collection_restored_from_a_copy_is_brought_up_to_date(self):
        shutil.copytree(os.path.join(self.store, "data"), self.at("copy"))
        self.write("new.txt", "new words")
        os.remove(os.path.join(self.docs, "0.txt"))
        self.index()
        shutil.rmtree(os.path.join(self.store, "data"))
        os.rename(self.at("copy"), os.path.join(self.store, "data"))
        self.index()
        self.assert_equals_fresh_index()


class Held(CliTest):
    """Somebody else, not this program, writes to the collection."""

    def setUp(self):
        super().setUp()
        self.write("a.txt", "some words")
        self.index()

    def test_readers_work_beside_a_writer(self):
        with collection_held(self.store):
            self.assertEqual(len(self.search("words")["hits"]), 1)
            self.assertEqual(len(self.export()), 1)

    def test_drop_is_refused(self):
        with collection_held(self.store):
            self.assert_fails(["drop", "--yes", "--store", self.store], "chunks")
        self.assertEqual(len(self.export()), 1)
        self.assertEqual(self.index()["components_executed"], 0)


class BadQueries(CliTest):
    def setUp(self):
        super().setUp()
        self.write("a.txt", "alpha beta gamma")
        self.write("b.md", "delta epsilon")
        self.index()

    def test_a_filter_works(self):
        hits = self.search("alpha delta", "--filter", "file like '%.md'")["hits"]
        self.assertEqual([os.path.basename(h["file"]) for h in hits], ["b.md"])

    def test_a_filter_with_an_error_has_a_caret_under_the_place(self):
        result = self.assert_fails(["search", "x", "--store", self.store, "--filter", "start >= and 1"])
        lines = result.err.splitlines()
        caret = [i for i, line in enumerate(lines) if line.strip() == "^" or line.strip().startswith("^")]
        self.assertTrue(caret, result.err)
        self.assertIn("start >= and 1", lines[caret[0] - 1])

    def test_hostile_filters_are_refused(self):
        for text in ("(" * 100_000, "start = 1 and " * 8_000 + "start = 1 and", "nofield = 1", "start = 'text'", "start", "'",
                     "file like 3", "\x01"):
            result = self.run_ok("search", "x", "--store", self.store, "--filter", text, code=FAILED)
            self.assertLess(len(result.err), 20_000)

    def test_many_terms_are_answered_or_refused(self):
        text = " or ".join(["start = 1"] * 8_000)
        self.assertIn(run("search", "alpha", "--store", self.store, "--filter", text).code, (DONE, FAILED))

    def test_a_question_without_a_letter_or_digit(self):
        self.assert_fails(["search", "--store", self.store, "--", "?!"], "?!")
        self.assert_fails(["search", "--store", self.store, "--", ""], "no letter or digit")


EDITED = "edited while damaged"


class Damage(CliTest):
    """A byte is turned round in each file of the store, at the front, in the middle and at places by chance."""

    PLACES = 3

    def setUp(self):
        super().setUp()
        for i in range(30):
            self.write(f"{i}.txt", f"document number {i} with some words " * 30)
        self.index()
        self.random = random.Random(7)

    def damage(self, path):
        size = os.path.getsize(path)
        for at in {0, 8, size // 2, size - 1, *(self.random.randrange(size) for _ in range(self.PLACES))}:
            if at < size:
                yield at

    def flip(self, path, at):
        with open(path, "r+b") as f:
            f.seek(at)
            byte = f.read(1)
            f.seek(at)
            f.write(bytes([byte[0] ^ 0x41]))

    def check_part(self, part):
        whole = self.at("whole")
        shutil.copytree(self.store, whole)
        good = self.dump()
        self.write("0.txt", EDITED)
        self.index()
        edited = self.dump()
        files = [f for f in tree(os.path.join(whole, part)) if os.path.getsize(os.path.join(whole, part, f))]
        self.assertTrue(files)
        for name in files:
            for at in self.damage(os.path.join(whole, part, name)):
                with self.subTest(file=name, at=at):
                    shutil.rmtree(self.store)
                    shutil.copytree(whole, self.store)
                    self.flip(os.path.join(self.store, part, name), at)
                    self.check_commands(good, edited)
        shutil.rmtree(self.store)
        shutil.copytree(whole, self.store)
        self.assertEqual(self.dump(), good)  # what was acknowledged is still there

    def dump(self):
        return self.run_ok("export", "--jsonl", "--vectors", "--store", self.store).out

    def check_commands(self, good, edited):
        search = run("search", "words", "--store", self.store, "--json", "--topk", "1000")
        self.assertIn(search.code, (DONE, FAILED), search.err)
        self.check_export(good)
        index = run("index", self.docs, "--store", self.store, "--json")
        self.assertIn(index.code, (DONE, FAILED, PARTLY), index.err)
        if index.code == DONE:  # the damage did not matter, or is in a block that the run had no need to read
            self.check_export(edited)
        else:
            self.assertIn(self.store, index.err)

    def check_export(self, expected):
        """Never a wrong document: all of them, or a message that names the file."""
        export = run("export", "--jsonl", "--vectors", "--store", self.store)
        if export.code == DONE:
            self.assertEqual(export.out, expected)
        else:
            self.assertEqual(export.code, FAILED)
            self.assertIn(os.path.join(self.store, "data"), export.err)

    def test_config(self):
        path = os.path.join(self.store, "config")
        for at in range(0, os.path.getsize(path), 7):
            self.flip(path, at)
            self.assert_fails(["search", "words", "--store", self.store], "config")
            self.assert_fails(["index", self.docs, "--store", self.store], "config")
            self.flip(path, at)
        self.index()

    def test_collection(self):
        self.check_part("data")

    def test_state(self):
        self.check_part("state")


if __name__ == "__main__":
    main()
