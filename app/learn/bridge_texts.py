"""The texts that a bridge is fitted on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.learn.pairs import Pairs

# With fewer texts a mean says more about their topics than about their language.
FEWEST_TO_CENTRE = 20


@dataclass(frozen=True)
class BridgeTexts:
    """Distinct texts of the source and the target language; `pairs` are among them."""

    source_language: str
    target_language: str
    source: list[str]
    target: list[str]
    pairs: Pairs


def bridge_texts(
    languages: tuple[str, str],
    source: Iterable[str],
    target: Iterable[str],
    pairs: Pairs | None,
) -> BridgeTexts:
    """Put texts and pairs of (source, target) `languages` together, each text once."""
    pairs = pairs or Pairs((), ())
    return BridgeTexts(
        source_language=languages[0],
        target_language=languages[1],
        source=list(dict.fromkeys((*pairs.source, *source))),
        target=list(dict.fromkeys((*pairs.target, *target))),
        pairs=pairs,
    )
