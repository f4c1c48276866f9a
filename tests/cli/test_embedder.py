"""Search by meaning is the default, by words an option; vectors of two embedders never meet in one store."""

import os
import shutil

from support import DONE, FAILED, PARTLY, USAGE, CliTest, main


class Embedders(CliTest):
    def setUp(self):
        super().setUp()
        self.write("bread.txt", "If the dough remains flat, the yeast was too old.")
        self.write("car.txt", "Have a garage replace the brake pads of your automobile.")
        self.write("money.txt", "Refunds are paid within fourteen days after the goods have come back.")

    def first(self, text):
        return self.search(text)["hits"][0]["file"].removeprefix(self.docs + "/")

    def test_a_question_finds_what_shares_no_word_with_it(self):
        self.index()
        self.assertEqual(self.first("my loaf did not rise"), "bread.txt")
        self.assertEqual(self.first("vehicle repair"), "car.txt")
        self.assertEqual(self.first("reimbursement"), "money.txt")

    def test_the_store_remembers_its_embedder(self):
        self.index(self.docs, "--embedder", "hashing")
        self.assertEqual(self.first("yeast"), "bread.txt")
        listing = self.run_ok("ls", "--store", self.store, "--json").json
        self.assertIn("hashing/1 dimension=384", listing["embedder"])
        report = self.index()
        self.assertEqual(report["components_executed"], 0)
        self.assertEqual(len(self.export()[0]["vectors"]["embedding"]), 384)

    def test_another_embedder_is_refused_with_both_names_and_nothing_is_touched(self):
        self.index()
        before = self.export()
        self.assert_fails(["index", self.docs, "--store", self.store, "--embedder", "hashing"], self.store,
                          "static/1 minilm-l6-256 hash=", "hashing/1 dimension=384", "--rebuild")
        self.assert_fails(["index", self.docs, "--store", self.store, "--dimension", "64"], self.store,
                          "static/1 minilm-l6-256 hash=", "--dimension 64")
        self.assertEqual(self.export(), before)

    def test_rebuild_makes_every_vector_anew(self):
        self.index()
        report = self.index(self.docs, "--embedder", "hashing", "--rebuild")
        self.assertEqual(report["documents"]["upserted"], 3)
        self.assertEqual({len(d["vectors"]["embedding"]) for d in self.export()}, {384})
        report = self.index(self.docs, "--embedder", "static", "--rebuild")
        self.assertEqual(report["documents"]["upserted"], 3)
        self.assert_equals_fresh_index()
        self.assertEqual(self.index(self.docs, "--rebuild")["components_executed"], 0)  # it is that embedder already

    def test_a_dimension_asks_for_the_hashing_embedder(self):
        self.index(self.docs, "--dimension", "64")
        self.assertEqual({len(d["vectors"]["embedding"]) for d in self.export()}, {64})
        self.assert_fails(["index", self.docs, "--store", self.at("other"), "--embedder", "static", "--dimension", "64"],
                          "--dimension", code=USAGE)

    def test_a_piece_of_which_nothing_is_known_is_counted_and_left_out(self):
        self.write("empty.txt", "\U00013000\U00013001 \U0001F642")
        report = self.index()
        self.assertEqual(report["empty_pieces"], 1)
        self.assertEqual(report["documents"]["total"], 3)
        self.assert_fails(["search", "\U00013000", "--store", self.store], "nothing that the embedder", code=FAILED)


class FoldersOutOfSight(CliTest):
    """What an embedder change drops is made anew from the folders, so all of them must be there."""

    def setUp(self):
        super().setUp()
        self.other = self.at("other")
        self.write("a.txt", "words of the first")
        self.write("below/b.txt", "words of the second", folder=self.other)
        self.index(self.docs, self.other, "--embedder", "hashing")
        self.before = self.export()

    def hide(self):
        os.rename(self.other, self.at("away"))

    def show(self):
        os.rename(self.at("away"), self.other)

    def embedder(self):
        return self.run_ok("ls", "--store", self.store, "--json").json["embedder"]

    # Guards: a rebuild while a drive was not mounted dropped that drive's documents, too.
    def test_another_embedder_or_dimension_is_refused_while_a_folder_is_gone(self):
        before = self.embedder()
        self.hide()
        for how in (["--embedder", "static", "--rebuild"], ["--dimension", "64"]):
            self.assert_fails(["index", "--store", self.store, *how], self.store, self.other, "--prune")
            self.assertEqual(self.export(), self.before)
            self.assertEqual(self.embedder(), before)
        report = self.index(self.docs, code=PARTLY)  # with the embedder that it has, it goes on
        self.assertEqual(report["documents"]["total"], 2)
        self.show()
        self.assertEqual(self.index(self.docs, "--embedder", "static", "--rebuild")["documents"]["upserted"], 2)

    def test_a_folder_below_that_cannot_be_read_is_one_too(self):
        for folder, names, files in os.walk(self.tmp):
            for name in [folder] + [os.path.join(folder, f) for f in files]:
                os.chown(name, 65534 if os.geteuid() == 0 else -1, -1)
        nobody = {"user": 65534} if os.geteuid() == 0 else {}  # root may read everything
        closed = os.path.join(self.other, "below")
        os.chmod(closed, 0)
        refused = self.run_ok("index", "--store", self.store, "--dimension", "64", code=FAILED, **nobody)
        self.assertIn(closed, refused.err)
        self.assertEqual(self.export(), self.before)
        os.chmod(closed, 0o700)
        self.run_ok("index", "--store", self.store, "--dimension", "64", code=DONE, **nobody)

    def test_a_folder_that_is_pruned_need_not_be_there(self):
        self.hide()
        report = self.index(self.docs, "--prune", "--dimension", "64")
        self.assertEqual(report["documents"]["total"], 1)
        self.assertEqual(len(self.export()), 1)

    # Guards: the same after a loss of the engine's memory, when the collection is made anew, too.
    def test_a_lost_state_is_not_made_again_while_a_folder_is_gone(self):
        self.hide()
        shutil.rmtree(os.path.join(self.store, "state"))
        self.assert_fails(["index", self.docs, "--store", self.store], self.store, self.other)
        self.assertEqual(self.export(), self.before)
        self.show()
        self.index(self.docs)
        self.assertEqual(self.export(), self.before)

    # Guards: documents that went with the collection were counted as long as their folder failed.
    def test_the_total_counts_only_what_is_in_the_collection(self):
        self.index(self.docs, self.other, "--dimension", "64")
        self.hide()
        shutil.rmtree(os.path.join(self.store, "data"))
        report = self.index(self.docs, code=PARTLY)
        self.assertEqual(report["documents"]["total"], len(self.export()))


if __name__ == "__main__":
    main()
