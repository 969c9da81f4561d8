"""What a token spells, whatever its tokenizer's way of writing it."""

from __future__ import annotations

import json
from collections.abc import Callable

from tokenizers import Tokenizer, pre_tokenizers

from app.methods.tokenizer_description import uses_bytes

_SPACES = "▁Ġ "


def spellings(tokenizer: Tokenizer) -> list[str]:
    """For each id what it spells, a space in front where it begins a word; "" for a gap.

    `▁house`, `Ġhouse`, `house` beside `##es` and `house</w>` all become ` house`.
    """
    description = json.loads(tokenizer.to_str())
    model = description["model"]
    spell = _by_kind(model, uses_bytes(description))
    special = {token["content"] for token in description["added_tokens"]}
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    found = [""] * (max(vocabulary.values()) + 1)
    for name, number in vocabulary.items():
        found[number] = name if name in special else spell(name)
    return found


def _by_kind(model: dict, by_bytes: bool) -> Callable[[str], str]:
    if by_bytes:
        # The alphabet's order is that of the code points which stand for the bytes.
        byte_of = _bytes_by_stand_in()
        return lambda name: _from_bytes(name, byte_of)
    prefix = model.get("continuing_subword_prefix")
    if prefix:
        return lambda name: name.removeprefix(prefix) if name.startswith(prefix) else f" {name}"
    suffix = model.get("end_of_word_suffix")
    if suffix:
        # A piece without the mark may begin a word or not; most do.
        return lambda name: f" {name.removesuffix(suffix)}"
    return lambda name: f" {name[1:]}" if name[:1] in _SPACES else name


def _from_bytes(name: str, byte_of: dict[str, int]) -> str:
    try:
        return bytes(byte_of[one] for one in name).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return name  # part of a character only: it spells nothing by itself


def _bytes_by_stand_in() -> dict[str, int]:
    """Which byte each character of the byte-level alphabet stands for (Radford et al., 2019)."""
    alphabet = set(pre_tokenizers.ByteLevel.alphabet())
    direct = {one: ord(one) for one in alphabet if ord(one) < 256}
    others = [byte for byte in range(256) if byte not in direct.values()]
    return direct | {chr(256 + place): byte for place, byte in enumerate(others)}
