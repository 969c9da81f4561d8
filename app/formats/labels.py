"""The labels of a model: from its file, else from the user, else numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.errors.model_files import FileInvalid, LabelsDoNotFit

MOST_LABELS = 100_000


def choose_labels(written: Sequence[str], hinted: Sequence[str], outputs: int) -> tuple[str, ...]:
    """`written` in the file wins over `hinted`; with neither, "0" to the last class's number.

    Raises LabelsDoNotFit when the winner's count is not `outputs`.
    """
    labels = tuple(written) or tuple(hinted) or tuple(str(n) for n in range(outputs))
    if len(labels) != outputs or len(set(labels)) != outputs:
        raise LabelsDoNotFit(len(set(labels)), outputs)
    return labels


def checked_labels(file: str, value: Any) -> tuple[str, ...]:
    """`value` from a JSON file as labels, whole numbers as their digits.

    Raises FileInvalid unless it lists distinct texts.
    """
    if isinstance(value, list):
        value = [str(one) if type(one) is int else one for one in value]
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise FileInvalid(file, "`labels` must be a list of non-empty texts or whole numbers")
    if len(set(value)) != len(value) or len(value) > MOST_LABELS:
        raise FileInvalid(file, f"`labels` must be distinct and at most {MOST_LABELS:,}")
    return tuple(value)
