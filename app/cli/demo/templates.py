"""The intent templates of `home-assistant-intents` in one language, and values for their slots."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from app.domain.errors.service import DemoLanguageUnknown, DemoPackageMissing

if TYPE_CHECKING:
    from hassil.expression import Sentence
    from hassil.intents import SlotList


# Names that are the same in many languages, so that no slot value gives an intent away.
_NAMES = ("Aurora", "Sonos", "TV", "Luna", "Roomba", "Max", "Nova", "Hue", "Orion", "Bosch")
_AREAS = ("Studio", "Garage", "Atelier", "Loft", "Lobby", "Salon", "Terrasse", "Sauna")
_FLOORS = ("1", "2", "3", "A", "B")
ANYTHING = ("Pizza", "Mozart", "Taxi", "Yoga", "Spaghetti", "Bolero", "Kiwi", "Tango", "Tofu")


@dataclass(frozen=True)
class Template:
    """One sentence template of an intent; `id` is stable within the package's version."""

    id: str
    intent: str
    sentence: Sentence
    rules: Mapping[str, Sentence]
    lists: Mapping[str, SlotList]

    def expand(self, random: Random) -> str:
        """A sentence: every choice and slot of the template filled at random."""
        from app.cli.demo.expansion import expand

        text = expand(self.sentence.expression, self.rules, self.lists, random)
        return re.sub(r"\s+", " ", text).strip()


def read_templates(language: str) -> dict[str, list[Template]]:
    """The templates of every intent.

    Raises DemoPackageMissing, and DemoLanguageUnknown with the languages that there are.
    """
    try:
        from hassil.intents import Intents
        from home_assistant_intents import get_intents, get_languages
    except ImportError as cause:
        raise DemoPackageMissing(str(cause.name)) from cause
    content = get_intents(language)
    if content is None:
        raise DemoLanguageUnknown(language, sorted(get_languages()))
    parsed = Intents.from_dict(content)
    lists = {**home_slots(), **parsed.slot_lists}
    return {
        name: [
            Template(
                id=f"{language}/{name}/{group}/{place}",
                intent=name.removeprefix("Hass"),
                sentence=sentence,
                rules={**parsed.expansion_rules, **data.expansion_rules},
                lists={**lists, **data.slot_lists},
            )
            for group, data in enumerate(intent.data)
            for place, sentence in enumerate(data.sentences)
        ]
        for name, intent in parsed.intents.items()
    }


def home_slots() -> dict[str, SlotList]:
    """The lists `name`, `area` and `floor`, which no language of the package holds."""
    from hassil.intents import TextSlotList

    chosen = {"name": _NAMES, "area": _AREAS, "floor": _FLOORS}
    return {
        name: TextSlotList.from_strings(words, name=name, allow_template=False)
        for name, words in chosen.items()
    }
