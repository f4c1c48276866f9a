"""Exit codes, the shape of what is printed, and arguments that make no sense."""

import json
import os
import subprocess

from support import DONE, FAILED, PROGRAM, USAGE, CliTest, main, run


class Usage(CliTest):
    def test_mistakes_are_usage_errors(self):
        for arguments in ([], ["frobnicate"], ["index", "x"], ["index", "--store"], ["search", "--store", "s"],
                          ["search", "x", "--store", "s", "--topk", "0"], ["export", "--store", "s"],
                          ["drop", "--store", "s"], ["index", "--store", "s", "--prune"]):
            result = run(*arguments)
            self.assertEqual(result.code, USAGE, arguments)
            self.assertEqual(result.out, "", arguments)
            self.assertNotEqual(result.err, "", arguments)
        self.assertIn("'frobnicate'", run("frobnicate").err)

    def test_help_and_version(self):
        self.assertIn("search", self.run_ok("--help").out)
        self.assertIn("--topk", self.run_ok("search", "--help").out)
        self.assertRegex(self.run_ok("version").out, r"^cocozvec \d+\.\d+\.\d+\n$")
        self.assertRegex(self.run_ok("version", "--json").json["version"], r"^\d+\.\d+\.\d+$")

    def test_a_failure_with_json_is_one_object(self):
        result = self.run_ok("search", "x", "--store", self.at("none"), "--json", code=FAILED)
        self.assertEqual(len(result.json["errors"]), 1)
        self.assertIn(self.at("none"), result.json["errors"][0]["message"])
        self.assertIn(self.at("none"), result.err)

    def test_reading_a_store_that_is_not_there_makes_nothing(self):
        for command in (["search", "x"], ["ls"], ["export", "--jsonl"], ["drop", "--yes"]):
            self.assert_fails([*command, "--store", self.at("none")], self.at("none"), "nothing is there")
        self.assertFalse(os.path.exists(self.at("none")))

    def test_bad_utf8_in_arguments_is_defined(self):
        self.write("a.txt", "some words")
        self.index()
        hits = self.run_ok("search", b"words \xff\xfe", "--store", self.store, "--json").json["hits"]
        self.assertEqual(len(hits), 1)
        self.assert_fails(["index", self.at("none").encode() + b"\xff", "--store", self.store], "No such file")
        bad = os.path.join(self.tmp.encode(), b"bad\xff")
        os.mkdir(bad)
        self.assert_fails(["index", bad, "--store", self.store], "UTF-8")

    def test_output_that_cannot_be_written_is_a_failure(self):
        self.write("a.txt", "some words " * 1000)
        self.index()
        for arguments in (["version"], ["export", "--jsonl", "--store", self.store], ["ls", "--store", self.store]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
            self.assertEqual(done.returncode, FAILED, arguments)
            self.assertIn(b"standard output", done.stderr)

    def test_a_closed_pipe_ends_the_program_quietly(self):
        for i in range(50):
            self.write(f"{i}.txt", f"number {i} " * 500)
        self.index()
        with subprocess.Popen([PROGRAM, "export", "--jsonl", "--vectors", "--store", self.store],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.wait(60), FAILED)

    def test_no_colour_and_no_progress_without_a_terminal(self):
        self.write("a.txt", "some words")
        result = self.run_ok("index", self.docs, "--store", self.store)
        self.assertEqual(result.err, "")
        self.assertNotIn("\x1b", result.out + self.run_ok("search", "words", "--store", self.store).out)

    def test_numbers_are_the_same_in_text_and_json(self):
        self.write("a.txt", "some words")
        text = self.run_ok("index", self.docs, "--store", self.store).out
        self.assertIn("1 seen: 1 processed", text)
        self.assertIn("1 written", text)
        listing = self.run_ok("ls", "--store", self.store, "--files").out
        self.assertIn(self.docs + "/a.txt", listing)
        self.assertIn("1 documents", listing)


class Shapes(CliTest):
    def setUp(self):
        super().setUp()
        self.write("a.txt", "alpha beta gamma")

    def test_index(self):
        report = self.index()
        self.assertEqual(set(report["files"]), {"seen", "processed", "unchanged", "removed", "skipped"})
        self.assertEqual(set(report["documents"]), {"upserted", "deleted", "unchanged", "total"})
        self.assertEqual(report["errors"], [])
        self.assertGreater(report["seconds"], 0)

    def test_search(self):
        self.index()
        found = self.search("beta")
        self.assertEqual(set(found), {"hits", "stats"})
        hit = found["hits"][0]
        self.assertEqual(set(hit), {"id", "score", "file", "start", "text"})
        self.assertEqual(hit["file"], self.docs + "/a.txt")
        self.assertEqual(hit["id"], self.docs + "/a.txt#0")
        self.assertEqual(hit["start"], 0)
        self.assertEqual(hit["text"], "alpha beta gamma")
        self.assertEqual(found["stats"]["documents"], 1)

    def test_export(self):
        self.index()
        documents = self.export()
        self.assertEqual([set(d) for d in documents], [{"id", "fields", "vectors"}])
        self.assertEqual(documents[0]["fields"], {"file": self.docs + "/a.txt", "start": 0, "text": "alpha beta gamma"})
        self.assertEqual(len(documents[0]["vectors"]["embedding"]), 256)
        plain = self.run_ok("export", "--store", self.store, "--json").json["documents"]
        self.assertEqual([set(d) for d in plain], [{"id", "fields"}])

    def test_export_is_in_the_order_of_ids(self):
        for name in ("z", "m", "B", "ä", "a/b"):
            self.write(name + ".txt", name * 3)
        self.index()
        ids = [d["id"].encode() for d in self.export()]
        self.assertEqual(ids, sorted(ids))
        self.assertEqual(len(ids), 6)

    def test_ls(self):
        self.index()
        listing = self.run_ok("ls", "--store", self.store, "--json", "--files").json
        self.assertEqual(listing["folders"], [{"path": self.docs, "files": 1, "documents": 1}])
        self.assertEqual(listing["files"], [{"file": self.docs + "/a.txt", "documents": 1}])
        self.assertEqual(listing["documents"], 1)
        self.assertIn("static/1 minilm-l6-256 hash=", listing["embedder"])

    def test_drop(self):
        self.index()
        self.assertEqual(self.run_ok("drop", "--store", self.store, "--yes", "--json").json, {"dropped": self.store})
        self.assertFalse(os.path.exists(self.store))

    def test_files_of_others_survive_a_drop(self):
        self.index()
        foreign = self.write("notes.md", "mine", folder=self.store)
        self.run_ok("drop", "--store", self.store, "--yes", code=DONE)
        self.assertEqual(os.listdir(self.store), ["notes.md"])
        self.assertTrue(os.path.exists(foreign))

    def test_text_that_is_hostile_to_json_reads_back(self):
        text = 'quote " back\\slash \x01 tab\t  Ünïcödé 漢字 \U0001F642 {"a":1}'
        self.write("b.txt", text)
        self.index()
        self.assertIn(text, [d["fields"]["text"] for d in self.export()])
        self.assertIn(text, [h["text"] for h in self.search("quote slash")["hits"]])
        self.assertEqual(json.dumps(self.export()[0])[0], "{")


if __name__ == "__main__":
    main()
