"""What is measured: retrieval by rank, agreement with people, and BM25 as the yardstick. Vectors come in, numbers go out."""

import math
import re
from collections import Counter, defaultdict

import numpy as np
from scipy.stats import pearsonr, spearmanr


def recalls(scores, wanted=None):
    """Recall@1, recall@3, recall@10 and the mean reciprocal rank; row i should find column wanted[i] (default i). A tie counts half."""
    wanted = np.arange(len(scores)) if wanted is None else np.asarray(wanted)
    right = scores[np.arange(len(scores)), wanted][:, None]
    rank = (scores > right).sum(1) + ((scores == right).sum(1) - 1) * 0.5
    return {"recall@1": float((rank < 1).mean()), "recall@3": float((rank < 3).mean()),
            "recall@10": float((rank < 10).mean()), "mrr": float((1 / (rank + 1)).mean())}


def agreement_of_documents(vectors, similarity):
    """Pearson's r between cosines and what people said, over all pairs of different documents."""
    upper = np.triu_indices(len(vectors), 1)
    return float(pearsonr((vectors @ vectors.T)[upper], np.asarray(similarity)[upper])[0])


def agreement_of_words(vectors, words, pairs):
    """Spearman's rho between cosines and what people said."""
    row = {w: i for i, w in enumerate(words)}
    cosines = [float(vectors[row[a]] @ vectors[row[b]]) for a, b, _ in pairs]
    return float(spearmanr(cosines, [c for _, _, c in pairs])[0])


def bm25(queries, documents, k1=1.2, b=0.75):
    """Robertson and Zaragoza 2009, with the idf that is never negative. (queries, documents) -> matrix of scores."""
    split = lambda text: re.findall(r"\w+", text.lower())
    counts = [Counter(split(d)) for d in documents]
    lengths = np.array([sum(c.values()) for c in counts], float)
    norm = k1 * (1 - b + b * lengths / max(lengths.mean(), 1))
    postings = defaultdict(list)
    for i, c in enumerate(counts):
        for word, n in c.items():
            postings[word].append((i, n))
    scores = np.zeros((len(queries), len(documents)), np.float32)
    for j, query in enumerate(queries):
        for word in set(split(query)) & postings.keys():
            found = postings[word]
            idf = math.log(1 + (len(documents) - len(found) + 0.5) / (len(found) + 0.5))
            for i, n in found:
                scores[j, i] += idf * n * (k1 + 1) / (n + norm[i])
    return scores
