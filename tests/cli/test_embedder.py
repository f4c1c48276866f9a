"""Search by meaning is the default, by words an option; vectors of two embedders never meet in one store."""

from support import FAILED, USAGE, CliTest, main


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


if __name__ == "__main__":
    main()
