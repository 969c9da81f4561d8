"""How the vectors of a text's words become one: their mean, or smooth inverse frequency."""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional

_SMOOTH = 1e-3
# Zipf's law as Mandelbrot shifted it: the word of rank r is seen in proportion to 1 / (r + 2.7).
_SHIFT = 3.7


class Pooling(StrEnum):
    """`mean`; or `sif`, where frequent words count less and what all texts share is taken out."""

    MEAN = "mean"
    SIF = "sif"


def word_weights(words: int, pooling: Pooling) -> Tensor:
    """The weight of each word by its rank, float32 (words,).

    `sif`: a / (a + p) with a = 0.001 (Arora et al., 2017, "A simple but tough-to-beat baseline
    for sentence embeddings"). Files of word vectors hold no counts, so p, how often a word is
    seen, follows Zipf's law from its rank.
    """
    if pooling is Pooling.MEAN:
        return torch.ones(words)
    return _SMOOTH / (_SMOOTH + _frequencies(words))


def common_direction(vectors: Tensor, weights: Tensor) -> Tensor:
    """What every text of a language points to, of length 1: float32 (width,).

    Arora et al. take the first principal direction of the sentences at hand. It is the direction
    of the mean sentence, in all but name, and that is known without any sentence: the expectation
    of a weighted word. So each language has its own, and an answer depends on one text alone.
    """
    frequencies = _frequencies(len(vectors)).to(vectors.device)
    return functional.normalize((frequencies * weights) @ vectors, dim=0)


def _frequencies(words: int) -> Tensor:
    frequencies = 1.0 / (torch.arange(words, dtype=torch.float32) + _SHIFT)
    return frequencies / frequencies.sum()
