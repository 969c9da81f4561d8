"""The texts that are sent: sentences of many languages, short phrases and joined sentences."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.sib200_data import read_languages

# The form of a text and its share: the first words of a sentence, a sentence, several joined.
_FORMS = ("phrase", 1, 2, 5)
_SHARES = (15, 65, 15, 5)
_WORDS_OF_A_PHRASE = (2, 6)


def mixed_texts(data: Path, count: int, seed: int = 0) -> list[str]:
    """`count` texts of mixed lengths from the languages of the folder `data` (SIB-200).

    Of 100 texts 15 are phrases, 65 single sentences, 15 two sentences of a language and 5 five.
    Languages that write without spaces give phrases of a few letters.
    """
    _, languages = read_languages(data)
    sentences = [language.texts() for language in languages]
    draw = random.Random(seed)
    forms = draw.choices(_FORMS, _SHARES, k=count)
    return [_text(draw, draw.choice(sentences), form) for form in forms]


def _text(draw: random.Random, sentences: list[str], form: str | int) -> str:
    if isinstance(form, int):
        return " ".join(draw.choices(sentences, k=form))
    sentence, length = draw.choice(sentences), draw.randint(*_WORDS_OF_A_PHRASE)
    words = sentence.split()
    return " ".join(words[:length]) if len(words) > length else sentence[: 3 * length]
