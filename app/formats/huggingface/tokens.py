"""Texts as token ids, by the directory's own `tokenizer.json` or one put in its place."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from tokenizers import Encoding, Tokenizer
from transformers import CONFIG_MAPPING

from app.domain.errors.model_files import FileInvalid
from app.formats.huggingface.layout import TOKENIZER_FILE, Layout
from app.formats.huggingface.tokenizer_files import (
    TokenizerFiles,
    read_description,
    read_tokenizer,
)
from app.learn.network import Batch

_MOST_TOKENS = 512
# Batches are padded to a multiple of so many tokens, so that few lengths of batch occur.
_MULTIPLE = 8
# These count positions from the padding token's id + 1, and so have that many fewer.
_OFFSET_POSITIONS = {"camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet"}
_OFFSET_POSITIONS |= {"layoutlmv3", "lilt", "markuplm"}
_OFFSET_POSITIONS |= {"roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"}


class Tokens:
    """A tokenizer that cuts at `max_tokens` (at most `most`) and puts `prefix` before each text.

    `accepted` are the arguments that the network's `forward` takes. The end is cut off, or what
    the directory asks for as `truncation_side`; with `of_words` always the end, since sentences
    of words are read on in a further piece.
    """

    def __init__(
        self,
        layout: Layout,
        prefix: str,
        accepted: Collection[str],
        of_words: bool = False,
        most: int | None = None,
    ) -> None:
        self.prefix = prefix
        self.max_tokens = _max_tokens(layout, most)
        self._accepted = frozenset(accepted)
        self._files = TokenizerFiles(layout.folder)
        self._tokenizer = read_tokenizer(layout.folder, layout.config["model_type"], layout.renamed)
        self._multiple = _MULTIPLE if self.max_tokens % _MULTIPLE == 0 else 1
        self.pad_id = _set_up(self._tokenizer, layout, self.max_tokens, self._multiple)
        if of_words:
            self._tokenizer.enable_truncation(self.max_tokens, direction="right")

    @property
    def rows(self) -> int:
        """How many rows an embedding needs for all of the tokens."""
        return 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values())

    @property
    def fast_tokenizer(self) -> Tokenizer:
        """The tokenizer itself, set up to cut and to pad."""
        return self._tokenizer

    def batch(self, texts: list[str]) -> Batch:
        """`input_ids`, `attention_mask` and what else is accepted: int64 (n, padded length)."""
        return self.as_batch(self.encode(texts))

    def as_batch(self, encoded: list[Encoding]) -> Batch:
        """The same of texts that were encoded together."""
        columns = {
            "input_ids": [one.ids for one in encoded],
            "attention_mask": [one.attention_mask for one in encoded],
            "token_type_ids": [one.type_ids for one in encoded],
        }
        return {
            name: torch.tensor(rows) for name, rows in columns.items() if name in self._accepted
        }

    def lengths(self, texts: list[str]) -> list[int]:
        """How many tokens each text has, cut as in `batch`."""
        return [sum(one.attention_mask) for one in self.encode(texts)]

    def lost(self, texts: list[str]) -> list[int]:
        """How many tokens of each text are cut off."""
        return [
            sum(part.special_tokens_mask.count(0) for part in one.overflowing)
            for one in self.encode(texts)
        ]

    def padded_length(self, length: int) -> int:
        """How many tokens a batch has whose longest text has `length`."""
        return -(-length // self._multiple) * self._multiple

    def settings(self) -> str:
        """All that decides a text's tokens, as one text."""
        digest = hashlib.sha256(self._tokenizer.to_str().encode()).hexdigest()
        return f"{digest} {self.prefix!r} {sorted(self._accepted)}"

    def tokenizer(self) -> Tokenizer:
        """A copy of the tokenizer that neither cuts nor pads."""
        free = Tokenizer.from_str(self._tokenizer.to_str())
        free.no_truncation()
        free.no_padding()
        return free

    def with_tokenizer(self, tokenizer: Tokenizer, renamed: dict[str, str]) -> Tokens:
        """The same with another tokenizer, which cuts and pads as this one does.

        `renamed` gives the new names of special tokens; KeyError without a padding token.
        """
        padding = dict(self._tokenizer.padding or {})
        padding["pad_token"] = renamed.get(padding["pad_token"], padding["pad_token"])
        padding["pad_id"] = tokenizer.get_vocab(with_added_tokens=True)[padding["pad_token"]]
        changed = copy.copy(self)
        changed._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        changed._tokenizer.enable_truncation(**(self._tokenizer.truncation or {}))
        changed._tokenizer.enable_padding(**padding)
        changed.pad_id = padding["pad_id"]
        changed._files = self._files.changed(changed.tokenizer(), renamed)
        return changed

    def write(self, folder: Path) -> None:
        """Write the tokenizer's files into `folder`."""
        self._files.write(folder)

    def save_tokenizer(self, file: Path) -> None:
        """Write the tokenizer as it cuts and pads here, without the prefix."""
        self._tokenizer.save(str(file))

    def encode(self, texts: list[str]) -> list[Encoding]:
        """Each text with its prefix, cut and padded; offsets count from the prefix's start."""
        return self._tokenizer.encode_batch([self.prefix + text for text in texts])


def _set_up(tokenizer: Tokenizer, layout: Layout, max_tokens: int, multiple: int) -> int:
    """Switch on cutting and padding as the directory asks; the padding token's id."""
    asked = read_description(layout.folder)
    token = _pad_token(tokenizer, layout, asked)
    pad_id = tokenizer.token_to_id(token) if token else None
    if token is None or pad_id is None:
        raise FileInvalid(
            TOKENIZER_FILE,
            "it has no padding token",
            "Set `tokenizer.pad_token`, save the tokenizer again and send the directory.",
        )
    tokenizer.enable_truncation(max_tokens, direction=asked.get("truncation_side", "right"))
    side = asked.get("padding_side", "right")
    tokenizer.enable_padding(
        direction=side, pad_id=pad_id, pad_token=token, pad_to_multiple_of=multiple
    )
    return pad_id


def _pad_token(tokenizer: Tokenizer, layout: Layout, asked: dict[str, Any]) -> str | None:
    named = asked.get("pad_token")
    if isinstance(named, dict):
        named = named.get("content")
    if isinstance(named, str):
        return named
    if tokenizer.padding:
        return str(tokenizer.padding["pad_token"])
    number = layout.config.get("pad_token_id")
    return tokenizer.id_to_token(number) if isinstance(number, int) and number >= 0 else None


def _max_tokens(layout: Layout, most: int | None) -> int:
    config = layout.config
    limits = [_MOST_TOKENS, most, read_description(layout.folder).get("model_max_length")]
    positions = _positions(config)
    if isinstance(positions, int) and config["model_type"] in _OFFSET_POSITIONS:
        positions -= int(config.get("pad_token_id") or 0) + 1
    limits.append(positions)
    return int(min(n for n in limits if isinstance(n, int | float) and n > 0))


def _positions(config: dict[str, Any]) -> Any:
    """`max_position_embeddings`, by whatever name the family has for it, or by its default."""
    try:
        read = CONFIG_MAPPING[config["model_type"]].from_dict(config).get_text_config()
    except (KeyError, ValueError, TypeError, AttributeError):
        return config.get("max_position_embeddings")
    return getattr(read, "max_position_embeddings", None)
