"""Where a first dictionary comes from when nobody gives one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from app.learn.alignment.induction import induce
from app.learn.alignment.normalisation import normalised
from app.learn.alignment.steps import Step

Dictionary = tuple[Tensor, Tensor]


def identical_words(source: Sequence[str], target: Sequence[str]) -> Dictionary:
    """Positions (int64 (pairs,) each) of the words that are written alike in both languages.

    Numerals, names and loans are often translations of themselves (Artetxe et al., 2017;
    Søgaard et al., 2018).
    """
    places = {word: place for place, word in enumerate(target)}
    pairs = [(place, places[word]) for place, word in enumerate(source) if word in places]
    found = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)
    return found[:, 0].contiguous(), found[:, 1].contiguous()


def similarity_distributions(
    source: Tensor, target: Tensor, steps: Sequence[Step], words: int = 4000
) -> Dictionary:
    """A first dictionary from nothing: words with alike distributions of similarity.

    The sorted similarities of a word with all others of its own language look much the same in
    every language (Artetxe et al., 2018, "A robust self-learning method for fully unsupervised
    cross-lingual mappings of word embeddings"). `source` and `target` are normalised by `steps`,
    the most frequent words first, of which `words` are compared.
    """
    size = min(len(source), len(target), words)
    return induce(_fingerprints(source[:size], steps), _fingerprints(target[:size], steps)).pairs


def _fingerprints(vectors: Tensor, steps: Sequence[Step]) -> Tensor:
    """Each word's sorted similarities under the square root of the similarity matrix."""
    left, lengths, _ = torch.linalg.svd(vectors, full_matrices=False)
    return normalised(((left * lengths) @ left.T).sort(dim=1).values, steps)
