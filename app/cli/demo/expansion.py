"""Draws one sentence from a template; the number of all of them can be astronomical."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    TextChunk,
)
from hassil.intents import RangeSlotList, SlotList, TextSlotList

from app.cli.demo.templates import ANYTHING


def expand(
    expression: Expression,
    rules: Mapping[str, Sentence],
    lists: Mapping[str, SlotList],
    random: Random,
) -> str:
    """One text of `expression`, each choice drawn evenly.

    hassil's own sampler lists every text in order; a demo wants a few from all over. Raises
    KeyError for a rule or list that nobody defines.
    """
    return _Sampler(rules, lists, random).text(expression)


@dataclass(frozen=True)
class _Sampler:
    rules: Mapping[str, Sentence]
    lists: Mapping[str, SlotList]
    random: Random

    def text(self, part: Expression) -> str:
        match part:
            case TextChunk():
                return part.original_text
            case Alternative():
                return self.text(self.random.choice(part.items))
            case Permutation():
                shuffled = self.random.sample(part.items, len(part.items))
                return " ".join(map(self.text, shuffled))
            case Group():
                return "".join(map(self.text, part.items))
            case RuleReference():
                return self.text(self.rules[part.rule_name].expression)
            case ListReference():
                return self.fill(self.lists[part.list_name])
        raise TypeError(f"hassil has an expression that is new here: {part!r}")

    def fill(self, choices: SlotList) -> str:
        match choices:
            case TextSlotList():
                return self.text(self.random.choice(choices.values).text_in)
            case RangeSlotList():
                numbers = range(choices.start, choices.stop + 1, choices.step)
                return str(self.random.choice(numbers))
        return self.random.choice(ANYTHING)
