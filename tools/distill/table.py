"""The file of an embedder: docs/format/embedder.md. Writes one, reads one, and sums its rows as the C++ library does."""

import math
import struct

import numpy as np
import xxhash

MAGIC, VERSION = b"COCOEMB\n", 1
SEED = 0x636F636F7A766563  # of every checksum of this project
HEADER = struct.Struct("<8s10IQQ")
MOST_CHARACTERS = 100  # max_input_chars_per_word of the tokenizer
assert HEADER.size == 64


def quantize(vectors):
    """(nibbles 0 .. 15, scales): weight = (nibble - 8) * scale, up to one factor that no length depends on.

    A row's scale is the one of 25 that gives the smallest squared error.
    """
    vectors = np.asarray(vectors, np.float64)
    largest = np.abs(vectors).max(1)
    best = np.full(len(vectors), np.inf)
    steps = np.ones(len(vectors))
    for shrink in np.linspace(1.0, 0.6, 25):
        step = np.where(largest > 0, largest * shrink / 7.5, 1.0)
        q = np.clip(np.round(vectors / step[:, None]), -8, 7)
        error = ((q * step[:, None] - vectors) ** 2).sum(1)
        better = error < best
        best[better], steps[better] = error[better], step[better]
    steps[largest == 0] = 0
    scales = np.round(steps / steps.max() * 32767).astype("<i2")
    unit = steps.max() / 32767
    real = np.maximum(scales.astype(np.float64) * unit, 1e-300)
    nibbles = (np.clip(np.round(vectors / real[:, None]), -8, 7) + 8).astype(np.uint8)
    nibbles[scales == 0] = 8
    return nibbles, scales


def encode(name, notice, nibbles, scales, ids, tokens, unknown_id, blocks, classes, spellings):
    rows, dimension = nibbles.shape
    half = dimension // 2
    packed = (nibbles[:, :half] | nibbles[:, half:] << 4).astype(np.uint8)
    raw = [t.encode("utf-8") for t in tokens]
    text, name, notice = b"".join(raw), name.encode("utf-8"), notice.encode("utf-8")
    body = b"".join([
        packed.tobytes(), np.asarray(scales, "<i2").tobytes(), np.asarray(ids, "<u2").tobytes(), np.asarray(blocks, "<u2").tobytes(),
        np.asarray(spellings, "<u2").tobytes(), np.asarray(classes, np.uint8).tobytes(), bytes(len(t) for t in raw), text, name, notice,
    ])
    header = HEADER.pack(MAGIC, VERSION, dimension, rows, unknown_id, MOST_CHARACTERS, len(name), len(notice), len(text), len(classes),
                         len(spellings), HEADER.size + len(body) + 8, 0)
    content = header + body
    return content + struct.pack("<Q", xxhash.xxh3_64_intdigest(content, seed=SEED))


class Table:
    """A file read back; for reports and tests."""

    def __init__(self, data):
        (magic, version, self.dimension, self.rows, self.unknown_id, _, name, notice, text, blocks, spellings, size, _) = HEADER.unpack_from(data)
        if magic != MAGIC or version != VERSION or size != len(data):
            raise SystemExit(f"not a table of an embedder: {magic!r}, format {version}, {size} bytes of {len(data)}")
        self.hash = struct.unpack("<Q", data[-8:])[0]
        if xxhash.xxh3_64_intdigest(data[:-8], seed=SEED) != self.hash:
            raise SystemExit("a damaged table: its checksum does not match")
        at = HEADER.size

        def take(kind, count):
            nonlocal at
            part = np.frombuffer(data, kind, count, at)
            at += part.nbytes
            return part

        packed = take(np.uint8, self.rows * self.dimension // 2).reshape(self.rows, -1)
        self.weights = np.concatenate([packed & 15, packed >> 4], 1).astype(np.int64) - 8
        self.scales = take("<i2", self.rows).astype(np.int64)
        self.ids = take("<u2", self.rows)
        at = len(data) - 8 - notice - name
        self.name = data[at : at + name].decode("utf-8")
        self.row_of = {int(i): r for r, i in enumerate(self.ids)}
        self.scaled = self.weights * self.scales[:, None]

    def identity(self):
        return f"static/1 {self.name} hash={self.hash:016x}"

    def embed(self, token_ids):
        """Lists of token numbers -> float32 vectors of length 1, bit for bit those of the C++ library."""
        out = np.zeros((len(token_ids), self.dimension), np.float32)
        for i, ids in enumerate(token_ids):
            sums = self.scaled[[self.row_of[t] for t in ids]].sum(0) if ids else np.zeros(self.dimension, np.int64)
            squares = sum(int(s) * int(s) for s in sums)
            if squares:
                out[i] = (sums.astype(np.float64) / math.sqrt(squares)).astype(np.float32)
        return out
