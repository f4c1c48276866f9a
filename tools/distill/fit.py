"""Fits a table of token vectors to the model's sentence vectors: a few steps of gradient descent, by hand in NumPy.

A text's vector is the sum of its tokens' rows, divided by its length. Two kinds of batches move the rows:
  likeness   each text of a batch sees the others at cosines; their softmax should be the model's
             (relational distillation: Park et al. 2019, arXiv:1904.05068)
  pairs      a usage example should find its own entry among those of the batch, and a definition its own usage example
             (InfoNCE: van den Oord et al. 2018, arXiv:1807.03748)
"""

import numpy as np
import scipy.sparse as sparse


class Bags:
    """Texts as rows of token counts; tokens that say nothing are left out."""

    def __init__(self, ids, size, silent):
        rows = np.repeat(np.arange(len(ids)), [len(i) for i in ids])
        columns = np.fromiter((t for i in ids for t in i), np.int64)
        heard = ~np.isin(columns, silent)
        ones = np.ones(int(heard.sum()), np.float32)
        self.counts = sparse.csr_matrix((ones, (rows[heard], columns[heard])), shape=(len(ids), size))

    def __len__(self):
        return self.counts.shape[0]

    def vectors(self, table):
        return unit(self.counts @ table)[0]


def unit(sums):
    lengths = np.linalg.norm(sums, axis=1, keepdims=True) + np.float32(1e-6)
    return sums / lengths, lengths


def softmax(x):
    x = np.exp(x - x.max(1, keepdims=True))
    return x / x.sum(1, keepdims=True)


def likeness(z, teacher, temperature):
    """Gradient with respect to z of the cross entropy between the model's likenesses and z's."""
    mine, theirs = z @ z.T / temperature, teacher @ teacher.T / temperature
    np.fill_diagonal(mine, -1e9)
    np.fill_diagonal(theirs, -1e9)
    g = (softmax(mine) - softmax(theirs)) / np.float32(len(z) * temperature)
    return (g + g.T) @ z


def pairing(z, temperature):
    """Gradient with respect to z, whose first half should find its second half, row by row, and the other way round."""
    half = len(z) // 2
    a, b = z[:half], z[half:]
    scores = a @ b.T / temperature
    right = np.eye(half, dtype=np.float32)
    g = ((softmax(scores) - right) + (softmax(scores.T) - right).T) / np.float32(2 * half * temperature)
    return np.concatenate([g @ b, g.T @ a])


class Adam:
    """Kingma and Ba 2014, arXiv:1412.6980; only the rows of a batch move."""

    def __init__(self, table):
        self.table, self.steps = table, 0
        self.mean, self.square = np.zeros_like(table), np.zeros_like(table)

    def step(self, rows, gradient, rate):
        self.steps += 1
        mean = self.mean[rows] * np.float32(0.9) + np.float32(0.1) * gradient
        square = self.square[rows] * np.float32(0.99) + np.float32(0.01) * gradient * gradient
        self.mean[rows], self.square[rows] = mean, square
        mean_bias, square_bias = 1 - 0.9**self.steps, 1 - 0.99**self.steps
        self.table[rows] -= np.float32(rate) * (mean / np.float32(mean_bias)) / (np.sqrt(square / np.float32(square_bias)) + np.float32(1e-8))


def fit(table, likenesses, pairs, epochs=1, batch=1024, rate=0.02, temperature=0.1, pair_temperature=0.05, seed=1, progress=None):
    """`likenesses`: (bags, teacher's vectors); `pairs`: (bags, rows, bags, rows). Returns another table."""
    table = table.astype(np.float32).copy()
    adam, rng = Adam(table), np.random.default_rng(seed)
    batches = lambda count: np.array_split(rng.permutation(count), max(1, count // batch))
    total = None
    done = 0
    for _ in range(epochs):
        jobs = [(job, chosen) for job in [*likenesses, *pairs] for chosen in batches(len(job[1]))]
        total = total or len(jobs) * epochs
        for i in rng.permutation(len(jobs)):
            job, chosen = jobs[i]
            if len(job) == 2:
                counts = job[0].counts[chosen]
            else:
                counts = sparse.vstack([job[0].counts[job[1][chosen]], job[2].counts[job[3][chosen]]]).tocsr()
            used = np.unique(counts.indices)
            counts = counts[:, used]
            z, lengths = unit(counts @ table[used])
            g = likeness(z, job[1][chosen], np.float32(temperature)) if len(job) == 2 else pairing(z, np.float32(pair_temperature))
            g = (g - z * (z * g).sum(1, keepdims=True)) / lengths
            done += 1
            adam.step(used, counts.T @ g, rate * (1.02 - done / total))
            if progress:
                progress(done, total)
    return table
