"""A tokenizer.json: its special ids, what its tokens spell, its subwords, and cutting it down."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer, pre_tokenizers

from app.domain.errors.methods import TokenizerUnsupported

_SPACES = "▁Ġ "
_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")


def post_processor_ids(node: dict[str, Any] | None) -> set[int]:
    """The ids of the tokens that a post-processor puts around a text."""
    if node is None:
        return set()
    if node["type"] == "Sequence":
        return set().union(*map(post_processor_ids, node["processors"]))
    if node["type"] == "TemplateProcessing":
        return {id for token in node["special_tokens"].values() for id in token["ids"]}
    return {node[key][1] for key in ("sep", "cls") if key in node}


def renumbered(node: dict[str, Any] | None, new_ids: Mapping[int, int]) -> dict[str, Any] | None:
    """The post-processor with each id replaced by `new_ids` of it."""
    if node is None:
        return None
    if node["type"] == "Sequence":
        return node | {"processors": [renumbered(one, new_ids) for one in node["processors"]]}
    if node["type"] == "TemplateProcessing":
        special = {
            name: token | {"ids": [new_ids[id] for id in token["ids"]]}
            for name, token in node["special_tokens"].items()
        }
        return node | {"special_tokens": special}
    ends = {key: [node[key][0], new_ids[node[key][1]]] for key in ("sep", "cls") if key in node}
    return node | ends


def unknown_id(description: dict[str, Any], ids: Mapping[str, int]) -> int | None:
    """The unknown token's id: Unigram models number it, the others name it; None without one."""
    model = description["model"]
    if model["type"] == "Unigram":
        number: int | None = model.get("unk_id")
        return number
    return ids.get(model.get("unk_token") or "")


def uses_bytes(description: dict[str, Any]) -> bool:
    """Whether characters of tokens stand for bytes of texts (`ByteLevel`)."""
    return '"ByteLevel"' in str((description["pre_tokenizer"], description["normalizer"])).replace(
        "'", '"'
    )


def spellings(tokenizer: Tokenizer) -> list[str]:
    """For each id what it spells, a space in front where it begins a word; "" for a gap.

    `▁house`, `Ġhouse`, `house` beside `##es` and `house</w>` all become ` house`.
    """
    description = json.loads(tokenizer.to_str())
    model = description["model"]
    spell = _speller(model, uses_bytes(description))
    special = {token["content"] for token in description["added_tokens"]}
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    texts = [""] * (max(vocabulary.values()) + 1)
    for name, number in vocabulary.items():
        texts[number] = name if name in special else spell(name)
    return texts


def _speller(model: dict, by_bytes: bool) -> Callable[[str], str]:
    if by_bytes:
        # The alphabet's order is that of the code points which stand for the bytes.
        byte_of = _byte_level_alphabet()
        return lambda name: _from_bytes(name, byte_of)
    prefix = model.get("continuing_subword_prefix")
    if prefix:
        return lambda name: name.removeprefix(prefix) if name.startswith(prefix) else f" {name}"
    suffix = model.get("end_of_word_suffix")
    if suffix:
        # A token without the mark may begin a word or not; most do.
        return lambda name: f" {name.removesuffix(suffix)}"
    return lambda name: f" {name[1:]}" if name[:1] in _SPACES else name


def _from_bytes(name: str, byte_of: dict[str, int]) -> str:
    try:
        return bytes(byte_of[one] for one in name).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return name  # part of a character only: it spells nothing by itself


def _byte_level_alphabet() -> dict[str, int]:
    """Which byte each character of the byte-level alphabet stands for (Radford et al., 2019)."""
    alphabet = set(pre_tokenizers.ByteLevel.alphabet())
    direct = {one: ord(one) for one in alphabet if ord(one) < 256}
    others = [byte for byte in range(256) if byte not in direct.values()]
    return direct | {chr(256 + place): byte for place, byte in enumerate(others)}


@dataclass(frozen=True)
class Subwords:
    """The vocabulary of a tokenizer.json.

    `names`: the text of each id, None where the ids have a gap. `log_shares`: float64 (ids,), how
    frequent each is by the tokenizer's own account: a Unigram model's scores, otherwise Zipf's
    law over the order in which they were learnt. `fixed`: ids that must stay. `parts`: of a token
    that merges make, the tokens that it is made of. `is_character_level` says whether characters
    in names are characters of texts, not stand-ins for bytes.
    """

    names: list[str | None]
    log_shares: np.ndarray
    fixed: frozenset[int]
    parts: dict[int, frozenset[int]]
    is_character_level: bool

    def with_parts(self, ids: set[int]) -> set[int]:
        """`ids` and all that they are made of."""
        closed, queue = set(ids), list(ids)
        while queue:
            added = self.parts.get(queue.pop(), frozenset()) - closed
            closed |= added
            queue += added
        return closed


def read_subwords(description: dict[str, Any]) -> Subwords:
    """Read the model's part; raises `TokenizerUnsupported`."""
    model = description["model"]
    kind = model.get("type")
    if kind not in ("Unigram", "WordPiece", "WordLevel", "BPE"):
        raise TokenizerUnsupported(f"its kind is {kind}")
    ids = {token["content"]: token["id"] for token in description["added_tokens"]}
    if kind == "Unigram":
        ids |= {name: number for number, (name, _) in enumerate(model["vocab"])}
    else:
        ids |= model["vocab"]
    names: list[str | None] = [None] * (max(ids.values()) + 1)
    for name, number in ids.items():
        names[number] = name
    by_bytes = uses_bytes(description)
    shares = -np.log(np.arange(len(names)) + 10.0)
    if kind == "Unigram":
        scores = np.array([score for _, score in model["vocab"]])
        shares = np.full(len(names), scores.min())
        shares[: len(scores)] = scores
    fixed = _required_ids(description, ids) | _byte_ids(ids, by_bytes)
    return Subwords(names, shares, frozenset(fixed), _merge_parts(model, ids), not by_bytes)


def _required_ids(description: dict[str, Any], ids: dict[str, int]) -> set[int]:
    """Added tokens and the unknown one; in a Unigram model also its least likely token.

    The library derives an unknown character's score from the smallest there is.
    """
    model = description["model"]
    fixed = {token["id"] for token in description["added_tokens"]}
    unknown = unknown_id(description, ids)
    if unknown is not None:
        fixed.add(unknown)
    if model["type"] == "Unigram":
        fixed.add(int(np.argmin([score for _, score in model["vocab"]])))
    return fixed


def _byte_ids(ids: dict[str, int], by_bytes: bool) -> set[int]:
    """What any text at all can be spelled with, where the tokenizer falls back on bytes."""
    return {
        number
        for name, number in ids.items()
        if _BYTE.fullmatch(name) or (by_bytes and len(name) == 1)
    }


def _merge_parts(model: dict[str, Any], ids: dict[str, int]) -> dict[int, frozenset[int]]:
    """Of every merge's product the two parts; of all merges, where several make the same."""
    if model["type"] != "BPE":
        return {}
    parts: defaultdict[int, set[int]] = defaultdict(set)
    prefix = model.get("continuing_subword_prefix") or ""
    for left, right in map(merge_pair, model["merges"]):
        parts[ids[left + right.removeprefix(prefix)]] |= {ids[left], ids[right]}
    return {product: frozenset(both) for product, both in parts.items()}


def merge_pair(merge: str | list[str]) -> tuple[str, str]:
    """The two sides of a merge, which older files write with a space between."""
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def cut_tokenizer(description: dict[str, Any], subwords: Subwords, kept: np.ndarray) -> Tokenizer:
    """The tokenizer with the ids `kept` (int (k,), ascending) alone, numbered anew from 0.

    A text that was cut into kept tokens alone is cut as before:

    - Unigram: the best path is better than every other, so also than those that are left.
    - WordPiece: the longest token that fits is taken at each place, and it is still there. (A
      word that was unknown may become known, when the token that led astray is gone.)
    - BPE: `kept` must be closed under `Subwords.parts`; then every merge that was made is still
      made, in the same order, and merges that are gone were never made.

    Raises `TokenizerUnsupported` where the ids come out otherwise than they should.
    """
    new_ids = {int(old): new for new, old in enumerate(kept)}
    changed = description | {
        "model": _cut_model(description["model"], new_ids),
        "added_tokens": [
            token | {"id": new_ids[token["id"]]} for token in description["added_tokens"]
        ],
        "post_processor": renumbered(description.get("post_processor"), new_ids),
    }
    tokenizer = Tokenizer.from_str(json.dumps(changed))
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    if any(vocabulary.get(subwords.names[old] or "") != new for old, new in new_ids.items()):
        raise TokenizerUnsupported("its added tokens are numbered among its subwords")
    return tokenizer


def _cut_model(model: dict[str, Any], new_ids: dict[int, int]) -> dict[str, Any]:
    if model["type"] == "Unigram":
        vocabulary = [token for old, token in enumerate(model["vocab"]) if old in new_ids]
        unknown = model.get("unk_id")
        return model | {
            "vocab": vocabulary,
            "unk_id": None if unknown is None else new_ids[unknown],
        }
    ids = {name: new_ids[old] for name, old in model["vocab"].items() if old in new_ids}
    changed = model | {"vocab": ids}
    if model["type"] == "BPE":
        prefix = model.get("continuing_subword_prefix") or ""
        changed["merges"] = [
            [left, right]
            for left, right in map(merge_pair, model["merges"])
            if left in ids and right in ids and left + right.removeprefix(prefix) in ids
        ]
    return changed
