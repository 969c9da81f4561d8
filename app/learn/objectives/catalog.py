"""The objective of a task."""

from __future__ import annotations

from app.domain.enums import Task
from app.learn.objectives.contract import Objective
from app.learn.objectives.multi_label import MultiLabel
from app.learn.objectives.single_label import SingleLabel
from app.learn.objectives.tagging import Tagging


def objective_for(
    task: Task, labels: tuple[str, ...], thresholds: tuple[float, ...] = ()
) -> Objective:
    """What a model of `task` answers with `labels`; `thresholds` are of several labels' alone."""
    if task is Task.TOKEN_CLASSIFICATION:
        return Tagging(labels)
    if task is Task.MULTI_LABEL_CLASSIFICATION:
        return MultiLabel(labels, thresholds)
    return SingleLabel(labels)
