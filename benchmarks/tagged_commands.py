"""Tagged commands, drawn from the intent templates of `home-assistant-intents`.

What fills a gap of a template is an entity of the gap's name. Templates, device names and rooms
that test are others than those that train.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np

from app.cli.demo.expansion import expand
from app.cli.demo.templates import Template, read_templates
from app.domain.tagging import words_in
from app.learn.data.examples import NO_WORD, Examples

GAPS = ("name", "area", "floor", "color")
LABELS = ("O", *(f"{place}-{gap.upper()}" for gap in GAPS for place in "BI"))
_NAMES = (
    [
        "Aurora",
        "Sonos One",
        "TV",
        "Luna",
        "Roomba",
        "Nova Max",
        "Hue",
        "Orion",
        "Bosch",
        "Apple TV",
    ],
    ["Alexa Dot", "Miele", "Philips", "Echo", "Siemens", "Nest Hub", "Vega", "Dyson", "LG", "Roku"],
)
_AREAS = (
    ["Studio", "Garage", "Atelier", "Loft West", "Lobby", "Salon", "Terrasse", "Sauna 2"],
    ["Balkon", "Foyer", "Pavillon", "Galerie", "Bar Nord", "Patio", "Veranda", "Kabinett"],
)
# In private use, so in no template: where an entity of GAPS begins, and where it ends.
_BEGIN, _END = 0xE100, "\ue1ff"
# An ending right behind a name ("Studios") would stand alone as a word.
_GLUED = re.compile(_END + r"\w")


def draw_commands(language: str, count: int, side: int, seed: int) -> Examples:
    """`count` different commands of side 0 (train) or 1 (test), from all intents in turn.

    `groups` are the templates' ids; targets are positions in LABELS.
    """
    random = Random(f"{language} {side} {seed}")
    ways = _templates(language, side)
    found: dict[str, tuple[list[str], list[str], str]] = {}
    turn = 0
    while len(found) < count and turn < 50 * count:
        template = ways[turn % len(ways)]
        turn += 1
        marked = expand(
            template.sentence.expression, template.rules, _marked(template.lists, side), random
        )
        words, tags = _tagged(marked)
        if words and not _GLUED.search(marked):
            found.setdefault(" ".join(words).casefold(), (words, tags, template.id))
    return _examples(list(found.values()))


def _templates(language: str, side: int) -> list[Template]:
    """Every other template of each intent, mixed: the same halves at every call."""
    random = Random(language)
    halves = []
    for _, templates in sorted(read_templates(language).items()):
        mixed = random.sample(templates, len(templates))
        halves += mixed[side::2]
    return random.sample(halves, len(halves))


def _marked(lists: Mapping[str, Any], side: int) -> dict[str, Any]:
    """The lists with every value of GAPS between marks."""
    from hassil.expression import Sequence, TextChunk
    from hassil.intents import TextSlotList

    own = {"name": _NAMES[side], "area": _AREAS[side]}
    made = dict(lists)
    for position, gap in enumerate(GAPS):
        values = made.get(gap)
        if gap in own:
            values = TextSlotList.from_strings(own[gap], name=gap, allow_template=False)
        if isinstance(values, TextSlotList):
            begin = TextChunk(" " + chr(_BEGIN + position))
            marked = [
                dataclasses.replace(v, text_in=Sequence(items=[begin, v.text_in, TextChunk(_END)]))
                for v in values.values
            ]
            made[gap] = TextSlotList(name=gap, values=marked)
    return made


def _tagged(marked: str) -> tuple[list[str], list[str]]:
    words: list[str] = []
    tags: list[str] = []
    for part in marked.replace(_END, _END + " ").split(_END):
        plain, gap, entity = _divide(part)
        outside = words_in(plain)
        inside = words_in(entity)
        words += [*outside, *inside]
        tags += ["O"] * len(outside)
        tags += [f"{'I' if i else 'B'}-{gap}" for i in range(len(inside))]
    return words, tags


def _divide(part: str) -> tuple[str, str, str]:
    for position, gap in enumerate(GAPS):
        before, mark, entity = part.partition(chr(_BEGIN + position))
        if mark:
            return before, gap.upper(), entity
    return part, "", ""


def _examples(drawn: list[tuple[list[str], list[str], str]]) -> Examples:
    longest = max(len(words) for words, _, _ in drawn)
    targets = np.full((len(drawn), longest), NO_WORD, dtype=np.int64)
    for row, (_, tags, _) in enumerate(drawn):
        targets[row, : len(tags)] = [LABELS.index(tag) for tag in tags]
    return Examples(
        inputs=[tuple(words) for words, _, _ in drawn],
        targets=targets,
        rows=np.arange(1, len(drawn) + 1, dtype=np.int64),
        groups=tuple(template for _, _, template in drawn),
    )
