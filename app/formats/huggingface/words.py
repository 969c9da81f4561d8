"""Words as token ids, and the vectors of words among those of tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from app.formats.huggingface.tokens import Tokens
from app.formats.huggingface.word_pieces import sentence_pieces
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

    A sentence that is longer than the network takes is cut into pieces, each a row of the batch,
    so that no word is lost; FIRST_TOKENS counts through all of them. A word that the tokenizer
    leaves out has -1 there.
    """
    pieces = sentence_pieces(tokens, sentences)
    first = np.full((len(sentences), max(map(len, sentences))), -1, dtype=np.int64)
    width = len(pieces[0].tokens.ids)
    for row, piece in enumerate(pieces):
        found = np.where(piece.first < 0, -1, piece.first + row * width)
        first[piece.sentence, piece.start : piece.end] = found
    batch = tokens.as_batch([piece.tokens for piece in pieces])
    return {**batch, FIRST_TOKENS: torch.from_numpy(first)}


def word_vectors(of_tokens: Tensor, first: Tensor) -> Tensor:
    """The vector of each word's first token: (n, words, width) of (pieces, tokens, width).

    A word without a token, and a place without a word, have zeros.
    """
    vectors = of_tokens.flatten(0, 1)[first.clamp(min=0)]
    return vectors * (first >= 0).unsqueeze(-1).to(vectors.dtype)
