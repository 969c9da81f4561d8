"""Comparing predictions whose last bits depend on what shared their batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def assert_alike(found: Sequence[Any], wanted: Sequence[Any]) -> None:
    """The same labels in the same order, and probabilities that differ by rounding alone.

    Predictions are objects, or the dicts that the API sends.
    """
    assert len(found) == len(wanted)
    for one, other in zip(map(_fields, found), map(_fields, wanted), strict=True):
        assert one["label"] == other["label"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


def _fields(prediction: Any) -> dict[str, Any]:
    return prediction if isinstance(prediction, dict) else vars(prediction)
