"""The parts of a data set that comes in one file: `train` and `test`, told by names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from app.domain.errors.image_files import PartMissing

PARTS = ("train", "validation", "test")
_NAMES = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "t10k": "test",
    "eval": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
}
_BETWEEN = re.compile(r"[-_.\s/]+")


def part_and_rest(name: str) -> tuple[str, str]:
    """The part that a name tells, "" without one, and the rest of the name in lower case.

    `X_train` is `train` and `x`; `t10k-images-idx3-ubyte.gz` is `test` and the rest.
    """
    words = [word for word in _BETWEEN.split(name.lower()) if word]
    told = [word for word in words if word in _NAMES]
    rest = "_".join(word for word in words if word not in _NAMES)
    return (_NAMES[told[0]], rest) if len(told) == 1 else ("", rest)


def choose_part(found: Iterable[str], wanted: str | None) -> str:
    """The part to read: the `wanted` one, else what belongs to no part, else the first of PARTS.

    Raises `PartMissing` where the wanted part is not there.
    """
    there = set(found)
    if wanted is not None:
        if wanted not in there:
            raise PartMissing(wanted, sorted(there - {""}))
        return wanted
    return next(part for part in ("", *PARTS) if part in there)


def note_parts(rows: Mapping[str, int | None], chosen: str) -> list[str]:
    """What was left out, in a sentence; `rows` of each part where they are known."""
    others = [part for part in PARTS if part in rows and part != chosen]
    if not chosen or not others:
        return []
    named = " and ".join(_named(part, rows[part]) for part in others)
    return [
        f"The file has several parts, and `{chosen}` was read. {named} is left for another "
        "dataset: send the file again with `part`."
    ]


def _named(part: str, rows: int | None) -> str:
    return f"`{part}`" if rows is None else f"`{part}` ({rows} images)"
