"""Texts and words as token ids, by the directory's `tokenizer.json` or one put in its place."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor
from transformers import CONFIG_MAPPING, AutoTokenizer
from transformers.models.auto.tokenization_auto import MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS

from app.domain.errors.model_files import FileInvalid
from app.formats.huggingface.layout import TOKENIZER_FILE, Layout
from app.formats.huggingface.word_windows import sentence_windows
from app.formats.json_files import read_json_object
from app.learn.data.examples import Inputs, Words
from app.learn.network import Batch

_MAX_TOKENS = 512
# Batches are padded to a multiple of so many tokens, so that few lengths of batch occur.
_PAD_TO_MULTIPLE_OF = 8
# These count positions from the padding token's id + 1, and so have that many fewer.
_OFFSET_POSITIONS = {
    *("camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke"),
    *("markuplm", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl"),
    "xmod",
}
# Where the first token of each word stands: int64 (n, words), -1 where a word has none.
FIRST_TOKENS = "first_tokens"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
# The class that takes tokenizer.json as it stands; the others set a tokenizer up by settings of
# tokenizer_config.json (`do_lower_case`, `strip_accents` ...) and take only
# its vocabulary from the file.
_WHOLE_FILE = "PreTrainedTokenizerFast"
_SETTINGS = ("add_bos_token", "add_eos_token", "split_special_tokens", "fix_mistral_regex")
# What a description says about any tokenizer.
_OF_ANY = ("model_max_length", "padding_side", "truncation_side", "model_input_names")
_COPIES = (
    *("added_tokens.json", "vocab.txt", "vocab.json", "merges.txt"),
    *("spiece.model", "sentencepiece.bpe.model"),
)
# Read in this order; the later one wins.
CONFIG_FILES = ("special_tokens_map.json", TOKENIZER_CONFIG_FILE)


class TextTokenizer:
    """A tokenizer that cuts texts to `max_tokens` and puts `prefix` before each.

    The limit is the smallest of the argument's, the directory's and the network's. `accepted` are
    the arguments that the network's `forward` takes. The end is cut off, or what the directory
    asks for as `truncation_side`; with `of_words` always the end, since sentences of words are
    read on in a further window.
    """

    def __init__(
        self,
        layout: Layout,
        prefix: str,
        accepted: Collection[str],
        of_words: bool = False,
        max_tokens: int | None = None,
    ) -> None:
        self.prefix = prefix
        self.max_tokens = _max_tokens(layout, max_tokens)
        self._accepted = frozenset(accepted)
        self._files = TokenizerFiles(layout.folder)
        self._tokenizer = read_tokenizer(layout.folder, layout.config["model_type"], layout.renamed)
        self._multiple = _PAD_TO_MULTIPLE_OF if self.max_tokens % _PAD_TO_MULTIPLE_OF == 0 else 1
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
        copied = Tokenizer.from_str(self._tokenizer.to_str())
        copied.no_truncation()
        copied.no_padding()
        return copied

    def with_tokenizer(self, tokenizer: Tokenizer, renamed: dict[str, str]) -> TextTokenizer:
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
    config = read_tokenizer_config(layout.folder)
    token = _pad_token(tokenizer, layout, config)
    pad_id = tokenizer.token_to_id(token) if token else None
    if token is None or pad_id is None:
        raise FileInvalid(
            TOKENIZER_FILE,
            "it has no padding token",
            "Set `tokenizer.pad_token`, save the tokenizer again and send the directory.",
        )
    tokenizer.enable_truncation(max_tokens, direction=config.get("truncation_side", "right"))
    side = config.get("padding_side", "right")
    tokenizer.enable_padding(
        direction=side, pad_id=pad_id, pad_token=token, pad_to_multiple_of=multiple
    )
    return pad_id


def _pad_token(tokenizer: Tokenizer, layout: Layout, config: dict[str, Any]) -> str | None:
    named = config.get("pad_token")
    if isinstance(named, dict):
        named = named.get("content")
    if isinstance(named, str):
        return named
    if tokenizer.padding:
        return str(tokenizer.padding["pad_token"])
    number = layout.config.get("pad_token_id")
    return tokenizer.id_to_token(number) if isinstance(number, int) and number >= 0 else None


def _max_tokens(layout: Layout, max_tokens: int | None) -> int:
    config = layout.config
    limits = [_MAX_TOKENS, max_tokens, read_tokenizer_config(layout.folder).get("model_max_length")]
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


def checked_words(inputs: Inputs) -> list[Words]:
    """Sentences of words as they are; ValueError for texts, which a tagger does not take."""
    if any(isinstance(one, str) for one in inputs):
        raise ValueError("a tagger takes words, not texts")
    return [tuple(one) for one in inputs]


def word_batch(tokens: TextTokenizer, sentences: Sequence[Words]) -> Batch:
    """Token ids and masks, and FIRST_TOKENS by which `word_vectors` finds the words again.

    A sentence that is longer than the network takes is cut into windows, each a row of the batch,
    so that no word is lost; FIRST_TOKENS counts through all of them. A word that the tokenizer
    leaves out has -1 there.
    """
    windows = sentence_windows(tokens, sentences)
    first = np.full((len(sentences), max(map(len, sentences))), -1, dtype=np.int64)
    width = len(windows[0].tokens.ids)
    for row, window in enumerate(windows):
        found = np.where(window.first < 0, -1, window.first + row * width)
        first[window.sentence, window.start : window.end] = found
    batch = tokens.as_batch([window.tokens for window in windows])
    return {**batch, FIRST_TOKENS: torch.from_numpy(first)}


def word_vectors(of_tokens: Tensor, first: Tensor) -> Tensor:
    """The vector of each word's first token: (n, words, width) of (windows, tokens, width).

    A word without a token, and a place without a word, have zeros.
    """
    vectors = of_tokens.flatten(0, 1)[first.clamp(min=0)]
    return vectors * (first >= 0).unsqueeze(-1).to(vectors.dtype)


def read_tokenizer(folder: Path, model_type: str, renamed: bool = False) -> Tokenizer:
    """The tokenizer of a directory, as transformers' `AutoTokenizer` reads it; raises FileInvalid.

    Where that is nothing but tokenizer.json, that file is read alone: it takes a third of the
    time and of the memory. `renamed`: config.json names another type, one of Babelport's.
    """
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    except Exception as problem:  # the library raises bare Exceptions
        raise FileInvalid(TOKENIZER_FILE, f"it cannot be read ({problem})") from None
    config = read_tokenizer_config(folder)
    if _stands_for_itself(tokenizer, config, model_type):
        return tokenizer
    options = {"config": CONFIG_MAPPING[model_type]()} if renamed else {}
    try:
        auto_tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **options
        )
    except Exception as problem:  # of many kinds, by the class
        raise FileInvalid(
            TOKENIZER_CONFIG_FILE,
            f"transformers makes no tokenizer of it ({problem})"[:500],
            f'Save the tokenizer again; or add "tokenizer_class": "{_WHOLE_FILE}" to '
            f"{TOKENIZER_CONFIG_FILE}, by which {TOKENIZER_FILE} is read as it stands.",
        ) from None
    if not auto_tokenizer.is_fast:
        raise FileInvalid(
            TOKENIZER_CONFIG_FILE,
            f"its class {type(auto_tokenizer).__name__} works in Python alone, without "
            f"{TOKENIZER_FILE}",
            "Send a model whose tokenizer is a fast one.",
        )
    read: Tokenizer = auto_tokenizer.backend_tokenizer
    return read


def read_tokenizer_config(folder: Path) -> dict[str, Any]:
    """The settings of the files beside tokenizer.json."""
    config: dict[str, Any] = {}
    for name in CONFIG_FILES:
        if (folder / name).is_file():
            config |= read_json_object(folder / name)
    return config


def _stands_for_itself(tokenizer: Tokenizer, config: dict[str, Any], model_type: str) -> bool:
    """Whether `AutoTokenizer` takes the file whole and adds nothing to it."""
    if config.get("tokenizer_class") not in (_WHOLE_FILE, "TokenizersBackend"):
        return False
    if model_type in MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS:
        return False
    if any(config.get(name) is not None for name in _SETTINGS):
        return False
    named = [v for k, v in config.items() if k.endswith("_token")]
    for key in ("additional_special_tokens", "extra_special_tokens", "added_tokens_decoder"):
        more = config.get(key) or ()
        named += more.values() if isinstance(more, dict) else more
    contents = [one.get("content") if isinstance(one, dict) else one for one in named]
    return all(tokenizer.token_to_id(str(one)) is not None for one in contents if one is not None)


@dataclass(frozen=True)
class TokenizerFiles:
    """What stands in `folder`, or `tokenizer` in its place with special tokens `renamed`."""

    folder: Path
    tokenizer: Tokenizer | None = None
    renamed: dict[str, str] = field(default_factory=dict)

    def changed(self, tokenizer: Tokenizer, renamed: dict[str, str]) -> TokenizerFiles:
        """The same with another tokenizer."""
        return TokenizerFiles(self.folder, tokenizer, _chained(self.renamed, renamed))

    def write(self, folder: Path) -> None:
        """Write them into `folder`.

        Beside a changed tokenizer.json no other copy of the vocabulary is left, no list of ids of
        added tokens, and no class or setting of the old tokenizer: all would speak of that.
        """
        if self.tokenizer is None:
            for name in (TOKENIZER_FILE, *CONFIG_FILES, *_COPIES):
                if (self.folder / name).is_file():
                    shutil.copyfile(self.folder / name, folder / name)
            return
        self.tokenizer.save(str(folder / TOKENIZER_FILE), pretty=False)
        config = read_tokenizer_config(self.folder)
        kept = {"tokenizer_class": _WHOLE_FILE} | {
            key: self._renamed(value) if key.endswith("_token") else value
            for key, value in config.items()
            if key in _OF_ANY or (key.endswith("_token") and not key.startswith("add_"))
        }
        text = json.dumps(kept, ensure_ascii=False, indent=2)
        (folder / TOKENIZER_CONFIG_FILE).write_text(text, encoding="utf-8")

    def _renamed(self, token: Any) -> Any:
        if isinstance(token, dict):
            return token | {"content": self._renamed(token.get("content"))}
        return self.renamed.get(token, token) if isinstance(token, str) else token


def _chained(first: dict[str, str], then: dict[str, str]) -> dict[str, str]:
    """Both renamings in a row."""
    return then | {old: then.get(new, new) for old, new in first.items()}
