"""verify, repair, snapshot, backup, restore and stats, as a user runs them."""

import os
import shutil
import threading

from support import DONE, FAILED, USAGE, CliTest, main, run

DAMAGED = 3


class Upkeep(CliTest):
    def setUp(self):
        super().setUp()
        for i in range(12):
            self.write(f"{i}.txt", f"document number {i} about the colour of stone {i}. " * 20)
        self.index()
        self.collection = os.path.join(self.store, "data", "chunks")

    def verify(self, *arguments, code=DONE):
        return self.run_ok("verify", *arguments, "--json", code=code).json

    def newest(self, kind):
        names = [name for name in os.listdir(self.collection) if name.startswith(kind + "-")]
        return os.path.join(self.collection, max(names, key=lambda name: int(name.split("-")[1])))

    def flip(self, path, at):
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x20]))

    def backup(self, name="backup"):
        self.run_ok("backup", "--store", self.store, "--to", self.at(name))
        return self.at(name)

    def test_a_store_is_clean(self):
        report = self.verify("--store", self.store)
        self.assertTrue(report["clean"])
        self.assertEqual(report["findings"], [])
        self.assertEqual(report["documents"], len(self.export()))
        text = self.run_ok("verify", "--collection", self.collection).out
        self.assertIn("clean", text)
        self.assertIn(f"{report['bytes']} bytes", text)

    def test_damage_is_found_named_and_repaired_as_far_as_it_goes(self):
        before = self.export()
        log = self.newest("log")
        self.flip(log, os.path.getsize(log) // 2)
        report = self.verify("--store", self.store, code=DAMAGED)
        self.assertEqual({finding["file"] for finding in report["findings"]}, {log})
        self.assertLess(report["findings"][0]["offset"], os.path.getsize(log))
        self.assertIn(log, self.run_ok("verify", "--store", self.store, code=DAMAGED).out)
        self.assert_fails(["search", "stone", "--store", self.store], log)
        made = self.at("saved")
        repaired = self.run_ok("repair", "--store", self.store, "--to", made, "--json", code=DAMAGED).json
        self.assertFalse(repaired["complete"])
        self.assertFalse(repaired["mark_kept"])
        self.assertEqual(repaired["lost_calls"], 1)
        self.assertTrue(self.verify("--collection", made)["clean"])
        self.assertTrue(os.path.exists(log))  # the original stays
        in_place = self.run_ok("repair", "--collection", self.collection + "/", "--in-place", code=DAMAGED).out
        self.assertIn("chunks.before-repair", in_place)  # and no "chunks/.before-repair"
        self.assertTrue(self.verify("--store", self.store)["clean"])
        self.index()  # without its mark the collection is written anew
        self.assertEqual(self.export(), before)
        self.assert_fails(["repair", "--store", self.store, "--in-place"], "before-repair")

    def test_backup_and_restore(self):
        before = self.export()
        copy = self.backup()
        self.assertTrue(self.verify("--collection", copy)["clean"])
        self.assert_fails(["backup", "--store", self.store, "--to", copy], copy, "already")
        self.assert_fails(["restore", "--from", copy, "--store", self.store], "already")
        self.assertEqual(self.export(), before)
        shutil.rmtree(self.collection)
        restored = self.run_ok("restore", "--from", copy, "--store", self.store, "--json").json
        self.assertEqual(restored["documents"], len(before))
        self.assertEqual(self.export(), before)
        self.assertEqual(self.index()["components_executed"], 0)  # the mark is the one that the engine knows

    def test_what_changed_since_the_backup_comes_back_with_the_next_index(self):
        copy = self.backup()
        self.write("0.txt", "something else entirely, about water")
        os.remove(os.path.join(self.docs, "1.txt"))
        self.write("new.txt", "a file of after the backup")
        self.index()
        shutil.rmtree(self.collection)
        self.run_ok("restore", "--from", copy, "--store", self.store)
        self.index()
        self.assert_equals_fresh_index()

    def test_a_backup_of_something_damaged_is_refused(self):
        log = self.newest("log")
        self.flip(log, os.path.getsize(log) // 2)
        self.assert_fails(["backup", "--store", self.store, "--to", self.at("b")], log)
        self.assertEqual(sorted(os.listdir(self.tmp)), ["docs", "store"])

    def test_a_snapshot_shares_what_never_changes_and_both_go_on(self):
        made = self.at("snapshot")
        before = self.export()
        self.run_ok("snapshot", "--store", self.store, "--to", made, "--json")
        self.write("new.txt", "a file of after the snapshot")
        self.index()
        self.assertGreater(len(self.export()), len(before))
        self.assertTrue(self.verify("--collection", made)["clean"])
        self.assertEqual(self.verify("--collection", made)["documents"], len(before))

    def test_a_backup_while_an_index_runs(self):
        for i in range(200):
            self.write(f"more{i}.txt", f"file {i} of many, " * 200)
        runner = threading.Thread(target=self.index)
        runner.start()
        for i in range(5):
            self.assertTrue(self.verify("--collection", self.backup(f"beside{i}"))["clean"])
        runner.join()

    def test_stats(self):
        stats = self.run_ok("stats", "--store", self.store, "--json").json
        sizes = [os.path.getsize(os.path.join(self.collection, name)) for name in os.listdir(self.collection)]
        self.assertEqual(stats["bytes"]["total"], sum(sizes))
        self.assertEqual(stats["documents"], len(self.export()))
        self.assertGreaterEqual(stats["amplification"], 1)
        text = self.run_ok("stats", "--store", self.store).out
        self.assertIn(f"{sum(sizes)} bytes", text)

    def test_what_is_not_there_and_what_makes_no_sense(self):
        for command in (["verify"], ["stats"], ["repair", "--to", self.at("x")], ["backup", "--to", self.at("x")]):
            self.assert_fails([*command, "--store", self.at("none")], self.at("none"))
            self.assert_fails([*command, "--collection", self.at("none")], self.at("none"))
            self.assert_fails([*command, "--collection", self.docs], self.docs)
        self.assertFalse(os.path.exists(self.at("x")))
        for arguments in (["verify"], ["verify", "--store", "a", "--collection", "b"], ["repair", "--store", "a"],
                          ["repair", "--store", "a", "--to", "b", "--in-place"], ["backup", "--store", "a"],
                          ["restore", "--store", "a"]):
            self.assertEqual(run(*arguments).code, USAGE, arguments)
        failed = run("verify", "--collection", self.at("none"), "--json")
        self.assertEqual(failed.code, FAILED)
        self.assertEqual(failed.json["errors"][0]["path"], self.at("none"))


if __name__ == "__main__":
    main()
