"""Words for the gaps that the package leaves to each home: rooms, devices, what to buy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hassil.intents import SlotList

# Names that are the same in many languages, so that no word of a gap gives an intent away.
_NAMES = ("Aurora", "Sonos", "TV", "Luna", "Roomba", "Max", "Nova", "Hue", "Orion", "Bosch")
_AREAS = ("Studio", "Garage", "Atelier", "Loft", "Lobby", "Salon", "Terrasse", "Sauna")
_FLOORS = ("1", "2", "3", "A", "B")
ANYTHING = ("Pizza", "Mozart", "Taxi", "Yoga", "Spaghetti", "Bolero", "Kiwi", "Tango", "Tofu")


def home_words() -> dict[str, SlotList]:
    """The lists `name`, `area` and `floor`, which no language of the package holds."""
    from hassil.intents import TextSlotList

    chosen = {"name": _NAMES, "area": _AREAS, "floor": _FLOORS}
    return {
        name: TextSlotList.from_strings(words, name=name, allow_template=False)
        for name, words in chosen.items()
    }
