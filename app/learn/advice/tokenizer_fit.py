"""Whether a tokenizer was made for a language, by how finely it cuts its words."""

from __future__ import annotations

from typing import Any

_FINE = 3.0  # tokens a word
_TIMES = 2.0  # of the source language's
_EVERY_CHARACTER = 0.9  # tokens a character
_UNKNOWN = 0.01  # of the tokens
# Written without spaces between words, so that "a word" means nothing there.
_UNSPACED = frozenset(["Hani", "Hans", "Hant", "Jpan", "Khmr", "Laoo", "Mymr", "Thai", "Tibt"])


def complaints_about(
    target: dict[str, Any], source: dict[str, Any] | None, script: str | None
) -> list[str]:
    """What is bad about cutting the target language so, as ends of "the tokenizer ...".

    `target` and `source` have `tokens_per_word`, `tokens_per_character` and `unknown_share` of
    each language's rows under one tokenizer; `script` is the target's (ISO 15924). Bad are 3
    tokens a word (Rust et al., 2021) that are also twice the source's, a token for every
    character, and 1% of unknown tokens, of which the model sees nothing.
    """
    found = []
    if target["unknown_share"] >= _UNKNOWN:
        found.append(f"does not know {target['unknown_share']:.1%} of the tokens")
    word, character = target["tokens_per_word"], target["tokens_per_character"]
    usual = None if source is None else source["tokens_per_word"]
    if character >= _EVERY_CHARACTER:
        found.append(f"cuts each character into {character:.1f} tokens")
    elif script not in _UNSPACED and word >= max(_FINE, _TIMES * (usual or 0.0)):
        beside = "" if usual is None else f", where the source language has {usual:.1f}"
        found.append(f"cuts each word into {word:.1f} tokens{beside}")
    return found
