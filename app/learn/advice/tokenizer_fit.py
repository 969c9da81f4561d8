"""Whether a tokenizer was made for a language, by how finely it cuts its words."""

from __future__ import annotations

from typing import Any

_FINE = 3.0  # tokens a word
_TWICE = 2.0  # tokens a word, and times the source language's
_FINER = 1.5  # times the source language's; and, with none to compare, tokens a word
_EVERY_CHARACTER = 0.9  # tokens a character
_UNKNOWN = 0.01  # of the tokens
# Written without spaces between words, so that "a word" means nothing there.
_UNSPACED = frozenset(["Hani", "Hans", "Hant", "Jpan", "Khmr", "Laoo", "Mymr", "Thai", "Tibt"])
Cut = dict[str, Any]


def tokenizer_sentence(
    language: str, script: str | None, before: dict[str, Cut | None], after: dict[str, Cut | None]
) -> str:
    """What to think of the tokenizers of the source model and of the transferred one.

    `before` and `after` have the numbers of `app.formats.fertility` under `source` and `target`,
    the former None where there are no source texts; `script` is the target's (ISO 15924).
    """
    target, old = after["target"], before["target"]
    assert target is not None, "there are target texts"
    assert old is not None, "there are target texts"
    found = complaints_about(target, after["source"], script)
    if found:
        return (
            f"The tokenizer was not made for `{language}`: it {' and '.join(found)}. A method "
            "that gives the model another vocabulary or another encoder may do better."
        )
    said = _compared(language, script, target, after["source"])
    if complaints := complaints_about(old, before["source"], script):
        said += f" The source model's {' and '.join(complaints)}."
    return said


def complaints_about(target: Cut, source: Cut | None, script: str | None) -> list[str]:
    """What is bad about cutting the target language so, as ends of "the tokenizer ...".

    `target` and `source` have `tokens_per_word`, `tokens_per_character` and `unknown_share` of
    each language's rows under one tokenizer. Bad are two tokens a word that are also twice the
    source's, three that are one and a half times the source's or have nothing to be compared
    with (Rust et al., 2021), a token for every character, and 1% of unknown tokens, of which the
    model sees nothing.
    """
    found = []
    if target["unknown_share"] >= _UNKNOWN:
        found.append(f"does not know {target['unknown_share']:.1%} of the tokens")
    word, character = target["tokens_per_word"], target["tokens_per_character"]
    usual = None if source is None else source["tokens_per_word"]
    if character >= _EVERY_CHARACTER:
        found.append(f"cuts each character into {character:.1f} tokens")
    elif script not in _UNSPACED and _too_fine(word, usual):
        beside = "" if usual is None else f", where the source language has {usual:.2f}"
        found.append(f"cuts each word into {word:.2f} tokens{beside}")
    return found


def _too_fine(word: float, usual: float | None) -> bool:
    if usual is None:
        return word >= _FINE
    return word >= max(_TWICE, _TWICE * usual) or word >= max(_FINE, _FINER * usual)


def _compared(language: str, script: str | None, target: Cut, source: Cut | None) -> str:
    """A sentence without a complaint, which claims no more than the numbers show."""
    if script in _UNSPACED:
        return (
            f"The tokenizer makes {target['tokens_per_character']:.2f} tokens of each character "
            f"of `{language}`, and knows them; words are not compared in a script without spaces."
        )
    word = target["tokens_per_word"]
    if source is None:
        usual = "about as many as" if word < _FINER else "more than"
        return (
            f"The tokenizer cuts each word of `{language}` into {word:.2f} tokens, {usual} is "
            "usual for a language that a tokenizer was made for (1.2 to 1.5)."
        )
    times = word / max(source["tokens_per_word"], 1e-9)
    how = "about as finely as" if times < _FINER else f"{times:.1f} times as finely as"
    return (
        f"The tokenizer cuts each word of `{language}` into {word:.2f} tokens, {how} the source "
        f"language ({source['tokens_per_word']:.2f})."
    )
