"""Rows of a training set that would give away held-out rows, found and dropped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import numpy as np

from app.learn.examples import Examples, texts_of


def drop_leaks(train: Examples, *held_out: Examples) -> tuple[Examples, dict[str, Any]]:
    """The rows of `train` that share neither a group nor an input with a held-out row.

    Texts are compared after NFKC, case folding and collapsing of spaces, sentences of words as
    texts with spaces between; images byte by byte.
    The empty group "" is shared with nobody. The report counts dropped rows by reason
    (`same_group` goes first) and lists their numbers: `{"dropped", "same_group", "same_input",
    "rows"}`.
    """
    groups = {group for part in held_out for group in part.groups or () if group}
    keys = {key for part in held_out for key in _keys(part)}
    in_group = np.array([group in groups for group in _groups(train)], dtype=bool)
    same_input = np.array([key in keys for key in _keys(train)], dtype=bool) & ~in_group
    leaks = in_group | same_input
    report = {
        "dropped": int(leaks.sum()),
        "same_group": int(in_group.sum()),
        "same_input": int(same_input.sum()),
        "rows": [int(row) for row in train.rows[leaks]],
    }
    return train.take(np.flatnonzero(~leaks)), report


def _groups(examples: Examples) -> tuple[str, ...]:
    return examples.groups or ("",) * len(examples)


def _keys(examples: Examples) -> Iterator[str | bytes]:
    """What makes two inputs the same input."""
    if isinstance(examples.inputs, np.ndarray):
        yield from (image.tobytes() for image in examples.inputs)
    else:
        yield from (_plain(text) for text in texts_of(examples.inputs))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
