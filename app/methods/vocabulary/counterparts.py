"""Which special token of one tokenizer stands for which of another."""

from __future__ import annotations

import json
from typing import Any

from tokenizers import Tokenizer

from app.domain.errors.vocabularies import SpecialTokensDiffer
from app.learn.vocabulary import Vocabulary
from app.methods.tokenizer_description import unknown_id


def counterparts(source: Vocabulary, target: Vocabulary) -> dict[str, str]:
    """The names in `target` of the source's special tokens.

    Those around a text by their places, the unknown, the padding and the mask token by what they
    are for. Raises `SpecialTokensDiffer`.
    """
    here, there = _special(source), _special(target)
    found: dict[str, str] = {}
    for use, name in here.items():
        if use not in there and use != "mask":
            raise SpecialTokensDiffer(name)
        if use in there:
            found[name] = there[use]
    mine, theirs = _names(source), _names(target)
    for key, id in source.named.items():
        if key in target.named and mine.get(id, "") not in found:
            found[mine[id]] = theirs[target.named[key]]
    return found


def mask_id(tokenizer: Tokenizer) -> int | None:
    """The id of the mask token, or of the unknown one where there is no mask."""
    description = json.loads(tokenizer.to_str())
    mask = _mask(description)
    if mask is not None:
        return tokenizer.token_to_id(mask)
    return unknown_id(description, tokenizer.get_vocab())


def _special(vocabulary: Vocabulary) -> dict[str, str]:
    tokenizer = vocabulary.tokenizer
    description = json.loads(tokenizer.to_str())
    around = {f"around-{place}": name for place, name in enumerate(tokenizer.encode("").tokens)}
    single = {
        "padding": vocabulary.named.get("pad_token_id"),
        "unknown": unknown_id(description, tokenizer.get_vocab()),
    }
    names = _names(vocabulary)
    named = {use: names[id] for use, id in single.items() if id is not None}
    mask = _mask(description)
    return around | named | ({"mask": mask} if mask else {})


def _names(vocabulary: Vocabulary) -> dict[int, str]:
    return {id: name for name, id in vocabulary.tokenizer.get_vocab().items()}


def _mask(description: dict[str, Any]) -> str | None:
    names = [token["content"] for token in description["added_tokens"]]
    return next((name for name in names if "mask" in name.lower()), None)
