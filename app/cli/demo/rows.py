"""Draws labelled sentences from templates such that no template stands on two sides."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from app.cli.demo.templates import Template
from app.domain.errors.demo import DemoLanguageTooSmall

# With four templates two can train and two can test.
_LEAST_TEMPLATES = 4
_LEAST_INTENTS = 5
_TRIES_PER_ROW = 8


@dataclass(frozen=True)
class Row:
    """A sentence, what it means, and the template it comes from."""

    text: str
    intent: str
    template: str


@dataclass(frozen=True)
class Sides:
    """Rows to train on and rows to test on; they share no template and no sentence."""

    train: list[Row]
    test: list[Row]


Templates = Mapping[str, Sequence[Template]]


def shared_intents(source: Templates, target: Templates, language: str) -> list[str]:
    """The intents that both languages say in enough ways, by name.

    Raises DemoLanguageTooSmall where they are fewer than 5.
    """
    shared = [
        intent
        for intent in sorted(source.keys() & target.keys())
        if min(len(source[intent]), len(target[intent])) >= _LEAST_TEMPLATES
    ]
    if len(shared) < _LEAST_INTENTS:
        raise DemoLanguageTooSmall(language, len(shared), _LEAST_INTENTS, _LEAST_TEMPLATES)
    return shared


def draw_sides(
    templates: Templates, intents: Sequence[str], train: int, test: int, seed: int
) -> Sides:
    """At most `train` and `test` sentences per intent, half of its templates on either side.

    A sentence that two intents share, or that both sides would have, is left out.
    """
    random = Random(seed)
    drawn = Sides([], [])
    for intent in intents:
        ways = list(templates[intent])
        random.shuffle(ways)
        half = len(ways) // 2
        drawn.train.extend(_draw(ways[:half], train, random))
        drawn.test.extend(_draw(ways[half:], test, random))
    once = _said_once(drawn.train + drawn.test)
    return Sides(*([row for row in side if once[_key(row)]] for side in (drawn.train, drawn.test)))


def write_csv(rows: Sequence[Row], file: Path) -> Path:
    """Write the rows as CSV with the columns text, label (the intent) and group (the template)."""
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["text", "label", "group"])
        writer.writerows((row.text, row.intent, row.template) for row in rows)
    return file


def _draw(ways: Sequence[Template], count: int, random: Random) -> list[Row]:
    """Different sentences, from as many of the templates as there are sentences wanted."""
    found: dict[str, Row] = {}
    for turn in range(count * _TRIES_PER_ROW):
        if len(found) == count:
            break
        template = ways[turn % len(ways)]
        row = Row(template.expand(random), template.intent, template.id)
        if row.text:
            found.setdefault(_key(row), row)
    return list(found.values())


def _said_once(rows: Sequence[Row]) -> dict[str, bool]:
    seen: dict[str, bool] = {}
    for row in rows:
        seen[_key(row)] = _key(row) not in seen
    return seen


def _key(row: Row) -> str:
    return row.text.casefold()
