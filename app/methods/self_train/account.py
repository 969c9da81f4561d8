"""The account that `self-train` gives of its rounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.pseudo_labels import PseudoLabels
from app.methods.self_train.standing import Standing


class Account:
    """What is told while the rounds go on, and at the end.

    `history` has the lines of all trainings; `report` is JSON; `stopped` is a sentence.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        start: Standing,
        shares: np.ndarray | None,
        shares_from: str,
        source_shares: np.ndarray | None = None,
    ) -> None:
        self._labels = labels
        self.history: list[dict[str, Any]] = []
        self.stopped = ""
        self.report: dict[str, Any] = {
            "unlabelled": len(start.logits),
            "chosen_round": None,
            "start": {"validation_accuracy": start.accuracy, "validation_loss": start.loss},
            "expected_shares": None if shares is None else self._by_label(shares),
            "expected_shares_from": shares_from,
            "source_shares": None if source_shares is None else self._by_label(source_shares),
            "rounds": [],
        }

    def add_round(
        self, number: int, sure: PseudoLabels | None, before: Standing, after: Standing
    ) -> dict[str, Any]:
        """What round `number` learnt from, `sure` of its own labels, and where it led."""
        told: dict[str, Any] = {
            "round": number,
            "validation_accuracy": after.accuracy,
            "validation_loss": after.loss,
            "same_labels_as_before": float((before.labels == after.labels).mean()),
            "shift": None if after.shift is None else self._by_label(after.shift),
        }
        if sure is not None:
            counts = np.bincount(sure.targets, minlength=len(self._labels))
            told["temperature"] = before.temperature
            told["kept"] = dict(zip(self._labels, counts.tolist(), strict=True))
            told["thresholds"] = self._by_label(sure.thresholds)
        self.report["rounds"].append(told)
        return told

    def end(self, best: int | None, why: str | None, knows_labels: bool) -> None:
        """Round `best` is the result, the source model where it is None."""
        self.report["chosen_round"] = best
        why = why or f"All {len(self.report['rounds']) - 1} rounds were made."
        if not knows_labels:
            why = "No row has a label, so one short round was made."
        result = (
            "Every round was worse on validation than the source model, which is the result."
            if best is None
            else f"Round {best} is the result."
        )
        self.stopped = f"{why} {result}"

    def _by_label(self, numbers: np.ndarray) -> dict[str, float | None]:
        """Rounded; None for NaN, which JSON has no word for."""
        pairs = zip(self._labels, numbers.tolist(), strict=True)
        return {label: None if np.isnan(x) else round(x, 4) for label, x in pairs}
