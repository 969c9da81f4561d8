"""Vectors of tokens by the company they keep in some texts."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils.extmath import randomized_svd

_WINDOW = 5
_SMOOTHING = 0.75


def token_vectors(
    ids: np.ndarray, texts: np.ndarray, size: int, width: int, min_count: int, seed: int
) -> np.ndarray:
    """Float32 (size, width) of length 1, zero for tokens seen fewer than `min_count` times.

    `ids`, `texts`: int64 (tokens,), the tokens in their order and the text each belongs to.
    Positive pointwise mutual information within five tokens, contexts smoothed, cut down by a
    singular value decomposition (Levy, Goldberg and Dagan 2015, "Improving Distributional
    Similarity with Lessons Learned from Word Embeddings"; found by random projection, Halko et
    al., 2011). The same for the same seed.
    """
    counts = np.bincount(ids, minlength=size)
    known = counts >= min_count
    pairs = _pairs(ids, texts, known, size)
    information = _information(pairs)
    width = max(1, min(width, int(known.sum()) // 2))
    left, strength, _ = randomized_svd(information, width, random_state=seed)
    vectors: np.ndarray = (left * np.sqrt(strength)).astype(np.float32)
    vectors[~known] = 0.0
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=vectors, where=lengths > 1e-9)


def _pairs(ids: np.ndarray, texts: np.ndarray, known: np.ndarray, size: int) -> csr_array:
    """How often two tokens stand within the window of each other; near ones count more."""
    rows, columns, weights = [], [], []
    for distance in range(1, _WINDOW + 1):
        left, right = ids[:-distance], ids[distance:]
        there = (texts[:-distance] == texts[distance:]) & known[left] & known[right]
        rows += [left[there], right[there]]
        columns += [right[there], left[there]]
        weights += [np.full(2 * int(there.sum()), 1.0 / distance)]
    places = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(weights), places), shape=(size, size))


def _information(pairs: csr_array) -> csr_array:
    found = pairs.tocoo()
    total = found.data.sum()
    words = np.asarray(pairs.sum(axis=1)).ravel()
    contexts = words**_SMOOTHING
    contexts = contexts / max(contexts.sum(), 1e-12)
    joint = found.data / max(total, 1e-12)
    expected = (words[found.row] / max(total, 1e-12)) * contexts[found.col]
    gain = np.maximum(np.log(joint / expected), 0.0)
    return csr_array((gain, (found.row, found.col)), shape=pairs.shape)
