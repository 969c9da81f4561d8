"""Cuts a tokenizer down to some of its pieces."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from app.domain.errors.vocabularies import TokenizerUnsupported
from app.methods.tokenizer_description import renumbered
from app.methods.trim.pieces import Pieces, merged


def cut_tokenizer(description: dict[str, Any], pieces: Pieces, kept: np.ndarray) -> Tokenizer:
    """The tokenizer with the ids `kept` (int (k,), ascending) alone, numbered anew from 0.

    Whatever it cuts into kept pieces alone, it cuts as before:

    - Unigram: the best path is better than every other, so also than those that are left.
    - WordPiece: the longest piece that fits is taken at each place, and it is still there. (A
      word that was unknown may become known, when the piece that led astray is gone.)
    - BPE: `kept` must be closed under `Pieces.parts`; then every merge that was made is still
      made, in the same order, and merges that are gone were never made.

    Raises `TokenizerUnsupported` where the ids come out otherwise than they should.
    """
    number = {int(old): new for new, old in enumerate(kept)}
    changed = description | {
        "model": _model(description["model"], number),
        "added_tokens": [
            token | {"id": number[token["id"]]} for token in description["added_tokens"]
        ],
        "post_processor": renumbered(description.get("post_processor"), number),
    }
    tokenizer = Tokenizer.from_str(json.dumps(changed))
    found = tokenizer.get_vocab(with_added_tokens=True)
    if any(found.get(pieces.names[old] or "") != new for old, new in number.items()):
        raise TokenizerUnsupported("its added tokens are numbered among its pieces")
    return tokenizer


def _model(model: dict[str, Any], number: dict[int, int]) -> dict[str, Any]:
    if model["type"] == "Unigram":
        vocabulary = [piece for old, piece in enumerate(model["vocab"]) if old in number]
        unknown = model.get("unk_id")
        return model | {
            "vocab": vocabulary,
            "unk_id": None if unknown is None else number[unknown],
        }
    ids = {name: number[old] for name, old in model["vocab"].items() if old in number}
    changed = model | {"vocab": ids}
    if model["type"] == "BPE":
        prefix = model.get("continuing_subword_prefix") or ""
        changed["merges"] = [
            [left, right]
            for left, right in map(merged, model["merges"])
            if left in ids and right in ids and left + right.removeprefix(prefix) in ids
        ]
    return changed
