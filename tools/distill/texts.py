"""Texts and judgements: Debian's wordnet-base and the gensim wheel, read where they lie. Nothing of them is copied here."""

import random
import re
import zipfile

WORDNET = "/usr/share/wordnet/"  # package wordnet-base
GENSIM = "gensim/test/test_data/"  # inside the wheel
TEST_ENTRIES = 2000


class Entry:
    """A meaning: its words, its definition, its usage examples."""

    def __init__(self, words, definition, examples):
        self.words, self.definition, self.examples = words, definition, examples

    def titled(self):
        return ", ".join(self.words) + ": " + self.definition


def wordnet():
    entries = []
    for part in ("noun", "verb", "adj", "adv"):
        with open(WORDNET + "data." + part, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("  "):  # the licence
                    continue
                left, gloss = line.split(" | ", 1)
                fields = left.split()
                words = [fields[4 + 2 * i].split("(")[0].replace("_", " ") for i in range(int(fields[3], 16))]
                examples = re.findall(r'"([^"]{20,200})"', gloss)
                definition = re.sub(r'"[^"]*"', "", gloss).strip().strip(";").strip()
                definition = re.sub(r"(;\s*)+$", "", definition)
                entries.append(Entry(words, definition, examples))
    return entries


def split_wordnet(entries):
    """(test, rest): test entries have an example and a definition of more than 25 characters; no text of theirs is in the rest."""
    fit = [e for e in entries if e.examples and len(e.definition) > 25]
    random.Random(7).shuffle(fit)
    test = fit[:TEST_ENTRIES]
    chosen = {id(e) for e in test}
    texts = {e.definition for e in test} | {x for e in test for x in e.examples}
    rest = [e for e in entries if id(e) not in chosen and e.definition not in texts and not texts.intersection(e.examples)]
    return test, rest


class Gensim:
    """Judgements of people: 50 news texts by pairs (Lee et al. 2005), and word pairs (WordSim-353, SimLex-999)."""

    def __init__(self, wheel):
        with zipfile.ZipFile(wheel) as files:
            read = lambda name: files.read(GENSIM + name)
            self.documents = read("lee.cor").decode("latin-1").strip().split("\n")
            self.similarity = [[float(x) for x in row.split()] for row in read("similarities0-1.txt").decode().strip().split("\n")]
            self.pairs = {name: self._pairs(read(name + ".tsv" if name == "wordsim353" else name + ".txt").decode("utf-8"))
                          for name in ("wordsim353", "simlex999")}
            self.background = read("lee_background.cor").decode("latin-1").strip().split("\n")

    @staticmethod
    def _pairs(text):
        rows = [row.split("\t")[:3] for row in text.strip().split("\n") if not row.startswith("#")]
        return [(a, b, float(c)) for a, b, c in rows]

    def words(self):
        return sorted({w for rows in self.pairs.values() for a, b, _ in rows for w in (a, b)})
