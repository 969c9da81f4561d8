"""Chooses the pieces that stay."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from app.domain.errors.vocabularies import TooFewRowsKept
from app.learn.monitor import Monitor
from app.methods.trim.likeness import likeness
from app.methods.trim.pieces import Pieces
from app.methods.trim.spec import TrimParameters

# Of all characters seen, those below this share are no mark of a language.
_RARE = 1e-5
# How much the likeness of a piece counts beside its frequency in all languages; chosen on German
# and English sentences that no figure was taken on.
_WEIGHT = 0.15
_PHASE = "choosing the pieces"


@dataclass(frozen=True)
class Choice:
    """The ids that stay, int64 ascending, and how many of them for which reason."""

    kept: np.ndarray
    reasons: dict[str, int]


def choose(
    pieces: Pieces,
    counts: Sequence[np.ndarray],
    parameters: TrimParameters,
    fixed: set[int],
    monitor: Monitor,
) -> Choice:
    """Choose by `counts`, int64 (ids,) for each role of the texts.

    First what must stay (`fixed`, the tokenizer's own and single characters), then what the texts
    use, by the largest share that a piece has in any role, then, where `rows` leaves room, what
    looks like it. Raises `TooFewRowsKept`.
    """
    monitor.progress(_PHASE, 0.0)
    total = np.sum(counts, axis=0)
    seen = np.flatnonzero(total >= parameters.min_count).tolist()
    shares = np.max([count / max(count.sum(), 1) for count in counts], axis=0)
    characters = _characters(pieces, total, parameters)
    kept = pieces.with_parts(set(pieces.fixed) | fixed)
    reasons = {"special": len(kept)}
    kept |= pieces.with_parts(characters)
    reasons["characters"] = len(kept) - sum(reasons.values())
    most = parameters.rows if parameters.rows is not None else len(pieces.names)
    if len(kept) > most:
        raise TooFewRowsKept(most, len(kept))
    _add(kept, sorted(seen, key=lambda id: -shares[id]), pieces, most)
    reasons["used"] = len(kept) - sum(reasons.values())
    if parameters.rows is not None and len(kept) < most:
        _add(kept, _alike(pieces, total, monitor), pieces, most)
    reasons["alike"] = len(kept) - sum(reasons.values())
    return Choice(np.array(sorted(kept), dtype=np.int64), reasons)


def _add(kept: set[int], ids: Iterable[int], pieces: Pieces, most: int) -> None:
    """Add ids in their order, each with its parts, while there is room."""
    for id in ids:
        whole = pieces.with_parts({id}) - kept if pieces.parts else {id} - kept
        if len(kept) + len(whole) <= most:
            kept |= whole


def _characters(pieces: Pieces, total: np.ndarray, parameters: TrimParameters) -> set[int]:
    """Pieces of one character: no letter, a letter of a script that is used, or asked for.

    A word's inside and its end have pieces of their own in some kinds (`##a`, `a</w>`).
    """
    if not pieces.spelled:
        return set()
    scripts: Counter[str] = Counter()
    for id in np.flatnonzero(total):
        for character in pieces.names[id] or "":
            if script := _script(character):
                scripts[script] += int(total[id])
    enough = parameters.script_share * sum(scripts.values())
    used = {script for script, count in scripts.items() if count >= enough}
    return {
        id
        for id, name in enumerate(pieces.names)
        if (one := _single(name))
        and ((script := _script(one)) is None or script in used or one in parameters.characters)
    }


def _single(name: str | None) -> str:
    bare = (name or "").removeprefix("##").removesuffix("</w>")
    return bare if len(bare) == 1 else (name or "") if len(name or "") == 1 else ""


@cache
def _script(character: str) -> str | None:
    """The first word of a letter's Unicode name; None for anything that is no letter."""
    if not character.isalpha():
        return None
    return unicodedata.name(character, "UNNAMED").split(" ", 1)[0]


def _alike(pieces: Pieces, total: np.ndarray, monitor: Monitor) -> list[int]:
    """Ids written in the texts' characters alone, the likeliest to be used by such texts first."""
    characters: Counter[str] = Counter()
    for id in np.flatnonzero(total):
        characters.update(dict.fromkeys(pieces.names[id] or "", int(total[id])))
    enough = _RARE * sum(characters.values())
    alphabet = {character for character, count in characters.items() if count >= enough}
    tick = lambda: monitor.progress(_PHASE, 0.5)  # noqa: E731
    tick()
    ids = [id for id, name in enumerate(pieces.names) if name and alphabet.issuperset(name)]
    if not ids:
        return []
    usual = np.exp(pieces.log_shares[ids])
    # On one scale, so that both models trust their counts alike.
    usual *= total[ids].sum() / usual.sum()
    names = [pieces.names[id] or "" for id in ids]
    odds = likeness(names, total[ids].astype(np.float64), usual, tick)
    score = pieces.log_shares[ids] + _WEIGHT * odds
    return [ids[place] for place in np.argsort(-score, kind="stable")]
