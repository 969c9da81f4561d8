"""Sentences of words made ready for a compiled tagger, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.formats.huggingface.word_pieces import Piece, sentence_pieces
from app.runtimes.contract import Prepared
from app.runtimes.onnx.text_inputs import Feed, ServedTokens


class WordInputs:
    """Sentences as pieces of tokens, and the places of the words' first tokens."""

    def __init__(self, tokens: ServedTokens) -> None:
        self._tokens = tokens

    @property
    def size_bytes(self) -> int:
        """Of the tokenizer's tables."""
        return self._tokens.size_bytes

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """The pieces of each sentence; its cost is all their tokens."""
        of_each: list[list[Piece]] = [[] for _ in inputs]
        for piece in sentence_pieces(self._tokens, [tuple(words) for words in inputs]):
            of_each[piece.sentence].append(piece)
        return [Prepared(sum(len(piece.tokens) for piece in own), own) for own in of_each]

    def feed(self, batch: Sequence[Prepared]) -> Feed:
        """Tokens of all pieces, and `first_tokens`, int64 (n, words), that counts through them."""
        rows: list[Piece] = [piece for one in batch for piece in one.content]
        feed = self._tokens.feed([piece.tokens for piece in rows])
        width = feed["input_ids"].shape[1]
        words = [one.content[-1].end for one in batch]
        first = np.full((len(batch), max(words)), -1, dtype=np.int64)
        sentences = [number for number, one in enumerate(batch) for _ in one.content]
        for row, (sentence, piece) in enumerate(zip(sentences, rows, strict=True)):
            start = row * width + (width - len(piece.tokens) if self._tokens.pads_left else 0)
            places = np.where(piece.first < 0, -1, piece.first + start)
            first[sentence, piece.start : piece.end] = places
        return feed | {"first_tokens": first}

    def lengths(self, batch: Sequence[Prepared]) -> list[int]:
        """Words of each sentence."""
        return [one.content[-1].end for one in batch]
