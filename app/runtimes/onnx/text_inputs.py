"""Texts made ready for a compiled graph, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Encoding, Tokenizer

from app.runtimes.contract import Prepared
from app.runtimes.held_memory import tokenizer_bytes
from app.runtimes.onnx.graph_engine import Feed
from app.runtimes.windows import split_text


class ServedTokens:
    """A tokenizer that cuts as the file says, and pads no further than a batch needs.

    That is to the next number of tokens that `multiple` divides, but not to more than the file
    allows.
    """

    def __init__(self, file: Path, prefix: str, accepted: Sequence[str], multiple: int) -> None:
        self.prefix = prefix
        self._tokenizer = Tokenizer.from_file(str(file))
        padding = self._tokenizer.padding or {}
        self._pad_id = int(padding.get("pad_id", 0))
        self.pads_left = padding.get("direction") == "left"
        self._with_types = "token_type_ids" in accepted
        self._tokenizer.no_padding()
        self._multiple = multiple
        self._most = int((self._tokenizer.truncation or {}).get("max_length", 0))

    @property
    def size_bytes(self) -> int:
        """What its tables hold in memory."""
        return tokenizer_bytes(self._tokenizer)

    def encode(self, texts: list[str]) -> list[Encoding]:
        """Each text with its prefix, cut; offsets count from the prefix's start."""
        return self._tokenizer.encode_batch([self.prefix + text for text in texts])

    def feed(self, rows: Sequence[Encoding]) -> Feed:
        """`input_ids`, `attention_mask`, where wanted `token_type_ids`: int64 (n, width)."""
        width = self._width(max(len(one) for one in rows))
        ids = np.full((len(rows), width), self._pad_id, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        types = np.zeros((len(rows), width), dtype=np.int64)
        for row, one in enumerate(rows):
            place = slice(width - len(one), width) if self.pads_left else slice(0, len(one))
            ids[row, place], mask[row, place] = one.ids, 1
            if self._with_types:
                types[row, place] = one.type_ids
        feed = {"input_ids": ids, "attention_mask": mask}
        return feed | {"token_type_ids": types} if self._with_types else feed

    def _width(self, longest: int) -> int:
        rounded = -(-longest // self._multiple) * self._multiple
        return rounded if rounded <= self._most else longest


class TextInputs:
    """Texts as tokens."""

    def __init__(self, tokens: ServedTokens) -> None:
        self._tokens = tokens

    @property
    def size_bytes(self) -> int:
        """Of the tokenizer's tables."""
        return self._tokens.size_bytes

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """Tokens of each text, their number, and whether there were more."""
        encoded = self._tokens.encode(list(inputs))
        return [Prepared(len(one), one, bool(one.overflowing)) for one in encoded]

    def windows(self, text: str, stride: int) -> list[str]:
        """The text in parts that are not cut."""
        return split_text(text, stride, self._tokens.prefix, self._tokens.encode)

    def feed(self, batch: Sequence[Prepared]) -> Feed:
        """The batch, padded to its longest text or a little further."""
        return self._tokens.feed([one.content for one in batch])
