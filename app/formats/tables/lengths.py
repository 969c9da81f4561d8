"""How long the texts are."""

from __future__ import annotations

from typing import Any

import numpy as np

_QUANTILES = {"min": 0.0, "q05": 0.05, "median": 0.5, "q95": 0.95, "max": 1.0}


def report_lengths(texts: list[str]) -> dict[str, Any]:
    """Quantiles and mean of the characters and of the words (parts between white space)."""
    return {
        "characters": _summary([len(text) for text in texts]),
        "words": _summary([len(text.split()) for text in texts]),
    }


def _summary(lengths: list[int]) -> dict[str, float]:
    values = np.quantile(lengths, list(_QUANTILES.values()), method="nearest")
    summary = {name: float(value) for name, value in zip(_QUANTILES, values, strict=True)}
    return {**summary, "mean": round(float(np.mean(lengths)), 2)}
