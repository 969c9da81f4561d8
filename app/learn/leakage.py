"""Rows of a training set that would give away held-out rows, found and dropped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import numpy as np

from app.learn.examples import Examples, Inputs, texts_of


def drop_leaks(train: Examples, *held_out: Examples) -> tuple[Examples, dict[str, Any]]:
    """The rows of `train` that share neither a group nor an input with a held-out row.

    Texts are compared after NFKC, case folding and collapsing of spaces, sentences of words as
    texts with spaces between; images byte by byte.
    The empty group "" is shared with nobody. The report counts dropped rows by reason
    (`same_group` goes first) and lists their numbers: `{"dropped", "same_group", "same_input",
    "rows"}`.
    """
    groups = {group for part in held_out for group in part.groups or () if group}
    keys = {key for part in held_out for key in _keys(part.inputs)}
    in_group = np.array([group in groups for group in _groups(train)], dtype=bool)
    same_input = np.array([key in keys for key in _keys(train.inputs)], dtype=bool) & ~in_group
    leaks = in_group | same_input
    report = {
        "dropped": int(leaks.sum()),
        "same_group": int(in_group.sum()),
        "same_input": int(same_input.sum()),
        "rows": [int(row) for row in train.rows[leaks]],
    }
    return train.take(np.flatnonzero(~leaks)), report


def unseen_inputs(inputs: Inputs, *held_out: Examples) -> np.ndarray:
    """Positions (int64 (k,)) of the inputs that are no input of a held-out row."""
    keys = {key for part in held_out for key in _keys(part.inputs)}
    return np.array([i for i, key in enumerate(_keys(inputs)) if key not in keys], dtype=np.int64)


def content_numbers(inputs: Inputs) -> np.ndarray:
    """int64 (n,): a number for each distinct input, compared as in `drop_leaks`, counted from 0."""
    numbers: dict[str | bytes, int] = {}
    found = (numbers.setdefault(key, len(numbers)) for key in _keys(inputs))
    return np.fromiter(found, dtype=np.int64, count=len(inputs))


def _groups(examples: Examples) -> tuple[str, ...]:
    return examples.groups or ("",) * len(examples)


def _keys(inputs: Inputs) -> Iterator[str | bytes]:
    """What makes two inputs the same input."""
    if isinstance(inputs, np.ndarray):
        yield from (image.tobytes() for image in inputs)
    else:
        yield from (_plain(text) for text in texts_of(inputs))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
