"""Keeping in step: what is processed, what is left alone, what disappears."""

import os
import shutil
import time

from support import PARTLY, CliTest, collection_held, main


class Index(CliTest):
    def counts(self, report):
        f, d = report["files"], report["documents"]
        return (f["processed"], f["unchanged"], f["removed"], d["upserted"], d["deleted"], d["total"])

    def settle(self):
        """Files younger than two seconds are looked into again; let them grow older."""
        old = time.time() - 60
        for folder, _, names in os.walk(self.tmp):
            for name in names:
                os.utime(os.path.join(folder, name), (old, old))

    def test_first_run_quiet_run_one_edit(self):
        for i in range(20):
            self.write(f"{i}.txt", f"document number {i}")
        self.assertEqual(self.counts(self.index()), (20, 0, 0, 20, 0, 20))
        self.assertEqual(self.counts(self.index()), (0, 20, 0, 0, 0, 20))
        self.write("7.txt", "document number seven, edited")
        self.assertEqual(self.counts(self.index()), (1, 19, 0, 1, 0, 20))
        self.assert_equals_fresh_index()

    # Covers: R101
    def test_a_quiet_run_opens_no_collection_and_a_changed_one_exits_with_4(self):
        for i in range(20):
            self.write(f"{i}.txt", f"document number {i}")
        self.index()
        with collection_held(self.store):
            quiet = self.index()
            self.assertEqual(quiet["components_executed"], 0)
            self.assertEqual(quiet["documents"], {"upserted": 0, "deleted": 0, "unchanged": 20, "total": 20})
            self.write("3.txt", "another text")
            report = self.index(code=PARTLY)  # the lock would have been noticed
            self.assertIn("3.txt", report["errors"][0]["path"])
        self.assertEqual(self.counts(self.index()), (1, 19, 0, 1, 0, 20))
        self.assert_equals_fresh_index()

    def test_removed_files_take_their_documents_with_them(self):
        for i in range(5):
            self.write(f"{i}.txt", f"document {i} " * 300)
        total = self.index()["documents"]["total"]
        os.remove(os.path.join(self.docs, "3.txt"))
        report = self.index()
        self.assertEqual(report["files"]["removed"], 1)
        self.assertEqual(report["documents"]["total"], total * 4 // 5)
        self.assert_equals_fresh_index()

    def test_a_renamed_file_is_one_removed_and_one_new(self):
        self.write("old.txt", "the same words")
        self.index()
        os.rename(os.path.join(self.docs, "old.txt"), os.path.join(self.docs, "new.txt"))
        self.assertEqual(self.counts(self.index()), (1, 0, 1, 1, 1, 1))
        self.assert_equals_fresh_index()

    # Guards: the published packages delete the rows of a file whose content did not change.
    def test_a_touched_file_writes_and_deletes_nothing(self):
        path = self.write("a.txt", "the same words")
        self.index()
        os.utime(path, (1, 1))
        self.assertEqual(self.counts(self.index()), (0, 1, 0, 0, 0, 1))

    def test_a_change_that_keeps_size_and_time_is_seen(self):
        path = self.write("a.txt", "alpha beta")
        self.index()
        before = os.stat(path)
        self.write("a.txt", "alpha zeta")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assertEqual(self.counts(self.index()), (1, 0, 0, 1, 0, 1))

    def test_an_emptied_file_loses_its_documents(self):
        self.write("a.txt", "alpha beta")
        self.index()
        self.write("a.txt", "")
        self.assertEqual(self.index()["documents"]["total"], 0)
        self.assert_equals_fresh_index()

    def test_pieces_without_a_word_are_left_out_and_counted(self):
        self.write("a.txt", "--- *** ---")
        report = self.index()
        self.assertEqual((report["documents"]["total"], report["empty_pieces"]), (0, 1))

    def test_an_empty_folder_is_an_empty_index(self):
        self.assertEqual(self.counts(self.index()), (0, 0, 0, 0, 0, 0))
        self.assertEqual(self.search("anything")["hits"], [])
        self.assertEqual(self.export(), [])

    def test_long_files_are_cut_into_pieces_with_positions(self):
        text = "".join(f"Sentence number {i} says sömething. " for i in range(500))
        self.write("long.txt", text)
        self.index()
        documents = self.export()
        self.assertGreater(len(documents), 10)
        for d in documents:
            start = d["fields"]["start"]
            self.assertEqual(text[start:start + len(d["fields"]["text"])], d["fields"]["text"])
            self.assertLessEqual(len(d["fields"]["text"]), 1000)

    def test_other_parameters_make_everything_anew(self):
        self.write("a.txt", "alpha beta gamma " * 100)
        self.index(self.docs, "--embedder", "hashing")
        report = self.index(self.docs, "--dimension", "64", "--piece-size", "200", "--piece-overlap", "0")
        self.assertEqual(report["files"]["processed"], 1)
        documents = self.export()
        self.assertEqual(len(documents[0]["vectors"]["embedding"]), 64)
        self.assertGreater(len(documents), 5)
        self.assertEqual(self.counts(self.index())[:2], (0, 1))  # the store remembers them

    def test_an_overlap_that_does_not_fit_is_refused_and_nothing_is_made(self):
        self.assert_fails(["index", self.docs, "--store", self.store, "--piece-size", "100"], "overlap 150", "100")
        self.assertFalse(os.path.exists(self.store))


class Folders(CliTest):
    def setUp(self):
        super().setUp()
        self.other = self.at("other")
        os.mkdir(self.other)
        self.write("same.txt", "words of the first")
        self.write("same.txt", "words of the second", folder=self.other)

    def test_one_name_in_two_folders_is_two_files(self):
        report = self.index(self.docs, self.other)
        self.assertEqual(report["documents"]["total"], 2)
        self.assertEqual({h["file"] for h in self.search("words")["hits"]},
                         {self.docs + "/same.txt", self.other + "/same.txt"})

    def test_a_folder_left_out_is_kept(self):
        self.index(self.docs)
        report = self.index(self.other)
        self.assertEqual(report["documents"]["total"], 2)
        self.assertEqual(report["files"]["unchanged"], 1)
        self.assert_equals_fresh_index(self.docs, self.other)

    def test_without_a_folder_the_known_ones_are_indexed(self):
        self.index(self.docs, self.other)
        self.write("same.txt", "edited words")
        report = self.run_ok("index", "--store", self.store, "--json").json
        self.assertEqual((report["files"]["processed"], report["files"]["unchanged"]), (1, 1))

    def test_prune_forgets_the_folders_that_are_not_named(self):
        self.index(self.docs, self.other)
        report = self.index(self.other, "--prune")
        self.assertEqual((report["files"]["removed"], report["documents"]["total"]), (1, 1))
        self.assertEqual(self.run_ok("ls", "--store", self.store, "--json").json["folders"],
                         [{"path": self.other, "files": 1, "documents": 1}])
        self.assert_equals_fresh_index(self.other)

    def test_one_folder_named_in_two_ways_is_one(self):
        self.index(self.docs)
        link = self.at("link")
        os.symlink(self.docs, link)
        self.assertEqual(self.index(link, self.docs + "/../docs/")["documents"]["total"], 1)

    def test_a_folder_inside_another_is_refused_by_name(self):
        inner = self.at("docs", "inner")
        os.mkdir(inner)
        self.index(self.docs)
        self.assert_fails(["index", inner, "--store", self.store], inner, self.docs, "inside")
        self.assertEqual(self.index(self.docs)["files"]["unchanged"], 1)

    # Guards: the store's own files were indexed, and every quiet run found one of them changed.
    def test_a_store_inside_the_folder_does_not_index_itself(self):
        files = {os.path.join(folder, name) for folder, _, names in os.walk(self.docs) for name in names}
        self.store = os.path.join(self.docs, "[my] store*")
        self.assertEqual(self.index()["files"]["seen"], len(files))
        report = self.index()
        self.assertEqual((report["files"]["seen"], report["components_executed"]), (len(files), 0))
        self.assertEqual({d["fields"]["file"] for d in self.export()}, files)

    def test_the_store_is_no_folder_to_index(self):
        self.write("a.txt", "some words")
        self.index()
        for folder in (self.store, os.path.join(self.store, "data")):
            self.assert_fails(["index", folder, "--store", self.store], folder, self.store)

    # Guards: a drive that is not mounted must not empty the index.
    def test_a_known_folder_that_is_gone_fails_and_keeps_its_documents(self):
        self.index(self.docs, self.other)
        os.rename(self.other, self.at("away"))
        self.write("new.txt", "new words")
        report = self.index(self.docs, code=PARTLY)
        self.assertEqual(report["files"]["processed"], 1)
        self.assertEqual([self.other in e["path"] + e["message"] for e in report["errors"]], [True])
        self.assertEqual(report["documents"]["total"], 3)
        os.rename(self.at("away"), self.other)
        self.assertEqual(self.index(self.docs)["errors"], [])
        self.assert_equals_fresh_index(self.docs, self.other)

    # Guards: a folder whose permission was lost for a while lost its documents too.
    def test_a_folder_below_that_cannot_be_read_fails_and_keeps_its_documents(self):
        self.write("closed/in.txt", "inside words")
        gone = self.write("gone.txt", "other words")
        for folder, names, files in os.walk(self.tmp):
            for name in [folder] + [os.path.join(folder, f) for f in files]:
                os.chown(name, 65534 if os.geteuid() == 0 else -1, -1)
        nobody = {"user": 65534} if os.geteuid() == 0 else {}  # root may read everything
        command = ["index", self.docs, "--store", self.store, "--json"]
        total = self.run_ok(*command, **nobody).json["documents"]["total"]
        closed = self.at("docs", "closed")
        os.chmod(closed, 0)
        os.unlink(gone)
        report = self.run_ok(*command, code=PARTLY, **nobody).json
        self.assertIn(closed, report["errors"][0]["message"])
        self.assertEqual(report["documents"]["total"], total)
        os.chmod(closed, 0o700)
        self.assertEqual(self.run_ok(*command, **nobody).json["documents"]["total"], total - 1)

    def test_a_folder_that_never_was_is_refused_and_nothing_is_made(self):
        self.assert_fails(["index", self.at("none"), "--store", self.store], self.at("none"))
        path = self.write("file.txt", "x")
        self.assert_fails(["index", path, "--store", self.store], path, "no directory")
        self.assertFalse(os.path.exists(self.store))


class OddFiles(CliTest):
    def test_each_kind_has_its_outcome(self):
        self.write("good.txt", "good words")
        self.write("binary.bin", b"\x7fELF\0\0\0\1" * 100)
        self.write("latin1.txt", "caf\u00e9 na\u00efve".encode("latin-1"))
        os.symlink("good.txt", self.at("docs", "link.txt"))
        os.symlink("nowhere", self.at("docs", "dangling.txt"))
        os.symlink(".", self.at("docs", "loop"))
        os.mkfifo(self.at("docs", "pipe"))
        report = self.index()
        self.assertEqual(report["errors"], [])
        self.assertEqual(report["documents"]["total"], 1)
        self.assertEqual(report["files"]["processed"], 1)
        self.assertGreaterEqual(report["files"]["skipped"], 2)
        reasons = {os.path.basename(s["path"]): s["reason"] for s in report["skips"]}
        self.assertIn("binary.bin", reasons)
        self.assertIn("latin1.txt", reasons)

    def test_a_file_that_becomes_binary_loses_its_documents(self):
        self.write("a.txt", "good words")
        self.index()
        self.write("a.txt", b"\0\1\2" * 100)
        self.assertEqual(self.index()["documents"]["total"], 0)
        self.assert_equals_fresh_index()

    # Guards: one bad file took the others with it, or was reported as success.
    def test_a_name_that_no_id_can_hold_fails_alone(self):
        self.write("good.txt", "good words")
        self.write("line\nend.txt", "bad name")
        report = self.index(code=PARTLY)
        self.assertEqual(len(report["errors"]), 1)
        self.assertIn("end.txt", report["errors"][0]["path"])
        self.assertEqual(report["documents"]["total"], 1)
        self.assertEqual(self.index(code=PARTLY)["files"]["unchanged"], 1)
        os.remove(self.at("docs", "line\nend.txt"))
        self.assertEqual(self.index()["errors"], [])

    def test_names_of_many_kinds_work(self):
        for name in ("a b.txt", "ä漢字.txt", "#hash#1", "per%cent", "q'uote\".txt", "x" * 200 + ".txt"):
            self.write(name, f"words of {len(name)} letters")
        self.assertEqual(self.index()["documents"]["total"], 6)
        shutil.copytree(self.docs, self.at("copy"))
        self.assert_equals_fresh_index()


if __name__ == "__main__":
    main()
