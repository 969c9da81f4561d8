"""The pieces of a tokenizer, and what each of them stands or falls with."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.errors.vocabularies import TokenizerUnsupported
from app.methods.tokenizer_description import unknown_id, uses_bytes

_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")


@dataclass(frozen=True)
class Pieces:
    """What `description`, the content of a tokenizer.json, has of pieces.

    `names`: the text of each id, None where the ids have a gap. `log_shares`: float64 (ids,), how
    frequent each is by the tokenizer's own account: a Unigram model's scores, otherwise Zipf's
    law over the order in which they were learnt. `fixed`: ids that must stay. `parts`: of a piece
    that merges make, the pieces that it is made of. `spelled` tells whether characters in names
    are characters of texts, not stand-ins for bytes.
    """

    names: list[str | None]
    log_shares: np.ndarray
    fixed: frozenset[int]
    parts: dict[int, frozenset[int]]
    spelled: bool

    def with_parts(self, ids: set[int]) -> set[int]:
        """`ids` and all that they are made of."""
        whole, waiting = set(ids), list(ids)
        while waiting:
            fresh = self.parts.get(waiting.pop(), frozenset()) - whole
            whole |= fresh
            waiting += fresh
        return whole


def read_pieces(description: dict[str, Any]) -> Pieces:
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
    fixed = _fixed(description, ids) | _bytes(ids, by_bytes)
    return Pieces(names, shares, frozenset(fixed), _parts(model, ids), not by_bytes)


def _fixed(description: dict[str, Any], ids: dict[str, int]) -> set[int]:
    """Added tokens and the unknown one; in a Unigram model also its least likely piece.

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


def _bytes(ids: dict[str, int], by_bytes: bool) -> set[int]:
    """What any text at all can be spelled with, where the tokenizer falls back on bytes."""
    return {
        number
        for name, number in ids.items()
        if _BYTE.fullmatch(name) or (by_bytes and len(name) == 1)
    }


def _parts(model: dict[str, Any], ids: dict[str, int]) -> dict[int, frozenset[int]]:
    """Of every merge's product the two parts; of all merges, where several make the same."""
    if model["type"] != "BPE":
        return {}
    found: defaultdict[int, set[int]] = defaultdict(set)
    prefix = model.get("continuing_subword_prefix") or ""
    for left, right in map(merged, model["merges"]):
        found[ids[left + right.removeprefix(prefix)]] |= {ids[left], ids[right]}
    return {product: frozenset(parts) for product, parts in found.items()}


def merged(merge: str | list[str]) -> tuple[str, str]:
    """The two sides of a merge, which older files write with a space between."""
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right
