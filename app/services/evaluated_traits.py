"""What the rows of an evaluation were like, counted as live traffic is."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from app.artifacts.contract import Artifacts
from app.domain.traffic import Counts, Sample, add_sample, set_confidence
from app.formats.predictions_table import read_predictions
from app.formats.tables.identifier import identify

# The languages of so many rows are identified, which takes up to a second.
_MOST_ROWS = 20_000


def evaluated_traits(artifacts: Artifacts, predictions_sha256: str, several: bool) -> Counts:
    """Counts of a table of per-row predictions; kept, since its bytes never change.

    `several`: each row has any number of labels, so its probabilities are not of what it predicts.
    """
    return _counted(artifacts.path(predictions_sha256), predictions_sha256, several)


@lru_cache(maxsize=64)
def _counted(file: Path, _sha256: str, several: bool) -> Counts:
    counts: Counts = {}
    for row in read_predictions(file, "row", 0, _MOST_ROWS):
        sample = _sample(row, several)
        add_sample(counts, sample, None if sample.text is None else identify(sample.text))
    return counts


def _sample(row: dict[str, Any], several: bool) -> Sample:
    predicted, probabilities = row["predicted"], row["probabilities"]
    if several:
        return Sample("", row["text"], tuple(predicted), set_confidence(probabilities))
    if isinstance(predicted, list):
        sure = sum(probabilities) / len(probabilities) if probabilities else 1.0
        return Sample("", row["text"], tuple(predicted), sure)
    return Sample("", row["text"], (predicted,), max(probabilities))
