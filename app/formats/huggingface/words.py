"""Words as token ids, and the vectors of words among those of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from tokenizers import Encoding
from torch import Tensor

from app.formats.huggingface.tokens import Tokens
from app.learn.examples import Inputs, Words
from app.learn.network import Batch

# Where the first token of each word stands: int64 (n, words), -1 where a word has none.
FIRST_TOKENS = "first_tokens"


def words_of(inputs: Inputs) -> list[Words]:
    """Sentences of words as they are; ValueError for texts, which a tagger does not take."""
    if any(isinstance(one, str) for one in inputs):
        raise ValueError("a tagger takes words, not texts")
    return [tuple(one) for one in inputs]


def word_batch(tokens: Tokens, sentences: Sequence[Words]) -> Batch:
    """Token ids and masks, and FIRST_TOKENS by which `word_vectors` finds the words again.

    A sentence is tokenised as the text with spaces between its words. One that is longer than the
    network takes is cut into pieces, each a row of the batch, so that no word is lost;
    FIRST_TOKENS counts through all of them. A word that the tokenizer leaves out has -1 there.
    """
    pieces = [(number, 0, len(words)) for number, words in enumerate(sentences)]
    encoded = tokens.encode([" ".join(words) for words in sentences])
    if any(one.overflowing for one in encoded):
        pieces = [
            (number, start, end)
            for number, words in enumerate(sentences)
            for start, end in _pieces(tokens, words)
        ]
        encoded = tokens.encode([" ".join(sentences[n][a:b]) for n, a, b in pieces])
    first = np.full((len(sentences), max(map(len, sentences))), -1, dtype=np.int64)
    width = len(encoded[0].ids)
    for row, ((number, start, end), one) in enumerate(zip(pieces, encoded, strict=True)):
        found = _first_tokens(one, sentences[number][start:end], len(tokens.prefix))
        first[number, start:end] = np.where(found < 0, -1, found + row * width)
    return {**tokens.as_batch(encoded), FIRST_TOKENS: torch.from_numpy(first)}


def word_vectors(of_tokens: Tensor, first: Tensor) -> Tensor:
    """The vector of each word's first token: (n, words, width) of (pieces, tokens, width).

    A word without a token, and a place without a word, have zeros.
    """
    vectors = of_tokens.flatten(0, 1)[first.clamp(min=0)]
    return vectors * (first >= 0).unsqueeze(-1).to(vectors.dtype)


def _pieces(tokens: Tokens, words: Words) -> Iterator[tuple[int, int]]:
    """Parts of a sentence that each fit the network; a word that was cut begins the next one."""
    start = 0
    while start < len(words):
        rest = words[start:]
        [one] = tokens.encode([" ".join(rest)])
        taken = len(rest)
        if one.overflowing:
            seen = np.flatnonzero(_first_tokens(one, rest, len(tokens.prefix)) >= 0)
            taken = max(1, int(seen.max(initial=0)))
        yield start, start + taken
        start += taken


def _first_tokens(one: Encoding, words: Words, prefix: int) -> np.ndarray:
    """int64 (words,): the position of each word's first token, -1 where there is none."""
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    starts = prefix + np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
    spans = np.array(one.offsets, dtype=np.int64)
    there = np.flatnonzero(spans[:, 1] > spans[:, 0])
    if not len(there):
        return np.full(len(words), -1, dtype=np.int64)
    # The first token that ends behind the word's start, if it begins before the word's end.
    place = np.searchsorted(spans[there, 1], starts, side="right")
    inside = place < len(there)
    position = there[np.minimum(place, len(there) - 1)]
    return np.where(inside & (spans[position, 0] < starts + lengths), position, -1)
