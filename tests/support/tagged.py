"""Builders of small sets of tagged sentences and of texts with several labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from app.learn.data.examples import NO_WORD, Examples, Words
from tests.support.models import TAGS

Tagged = tuple[Words, tuple[str, ...]]

_FRAMES = {
    "en": ("turn on the {name} in the {area}", "{name} off", "is the {name} on", "light in {area}"),
    "de": (
        "schalte {name} im {area} ein",
        "{name} aus",
        "ist {name} gerade an",
        "Licht im {area} an",
    ),
}
_NAMES = ("Luna", "Sonos", "Hue", "Nova", "Roomba")
_AREAS = ("Garage", "Studio", "Loft", "Salon", "Lobby")
# Any fifteen names, or areas, in a row are different ones.
_MORE = {"NAME": ("", " One", " Max"), "AREA": (" Nord", "", " Ost")}


def tagged_sentences(rows: int = 40, language: str = "en") -> list[Tagged]:
    """`rows` sentences (at most 60 distinct ones), their names and areas tagged in BIO."""
    made = []
    for i in range(rows):
        frame = _FRAMES[language][i % 4]
        words: list[str] = []
        tags: list[str] = []
        for part in frame.split():
            kind = part.strip("{}").upper() if part.startswith("{") else ""
            choice = {"NAME": _NAMES, "AREA": _AREAS}.get(kind, (part,))
            more = _MORE.get(kind, ("",))
            inside = (choice[i // 4 % len(choice)] + more[i // 4 % len(more)]).split()
            words += inside
            tags += [f"{'I' if k else 'B'}-{kind}" if kind else "O" for k in range(len(inside))]
        made.append((tuple(words), tuple(tags)))
    return made


def tagged_examples(
    rows: int = 40, language: str = "en", labels: tuple[str, ...] = TAGS
) -> Examples:
    """The same as Examples."""
    made = tagged_sentences(rows, language)
    targets = np.full((rows, max(len(words) for words, _ in made)), NO_WORD, dtype=np.int64)
    for i, (_, tags) in enumerate(made):
        targets[i, : len(tags)] = [labels.index(tag) for tag in tags]
    numbers = np.arange(1, rows + 1, dtype=np.int64)
    return Examples(inputs=[words for words, _ in made], targets=targets, rows=numbers)


def a_conll(file: Path, sentences: list[Tagged]) -> Path:
    """A CoNLL file of two columns."""
    blocks = [
        "\n".join(f"{word}\t{tag}" for word, tag in zip(*sentence, strict=True))
        for sentence in sentences
    ]
    file.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    return file


_PARTS = {
    "alarm": ("wake me at seven", "set an alarm", "ring at noon"),
    "music": ("play the song", "some jazz music", "skip this album"),
    "weather": ("will it rain", "is it windy", "how warm is it"),
}


def label_set_rows(rows: int = 60) -> list[tuple[str, list[str]]]:
    """Texts of none, one or two wishes, each with its label; "hello there" begins them all."""
    made = []
    for i in range(rows):
        wanted = [label for k, label in enumerate(_PARTS) if (i >> k) & 1]
        parts = [_PARTS[label][(i // 8) % 3] for label in wanted]
        made.append((" and ".join([f"hello {i // 24}", *parts]), wanted))
    return made


def label_set_examples(rows: int = 60) -> Examples:
    """The same as Examples; targets are bool (rows, 3)."""
    made = label_set_rows(rows)
    targets = np.array([[label in labels for label in _PARTS] for _, labels in made])
    numbers = np.arange(1, rows + 1, dtype=np.int64)
    return Examples(inputs=[text for text, _ in made], targets=targets, rows=numbers)


def a_label_set_jsonl(file: Path, rows: list[tuple[str, list[str]]]) -> Path:
    """One JSON object a line with the keys text and labels."""
    lines = [json.dumps({"text": text, "labels": labels}) for text, labels in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
