"""Small tasks with signal: source models, rows to learn from and rows kept unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.learn.examples import Examples
from tests.support.datasets import LABELS, image_examples, labelled_examples
from tests.support.models import a_declared_digit_reader, a_text_classifier


@dataclass(frozen=True)
class Task:
    """A source model's builder, and target and source rows; `unseen` are target rows too."""

    build: Callable[[Path], object]
    train: Examples
    unseen: Examples
    source: Examples


def text_task() -> Task:
    """Commands in German for an untrained classifier.

    The unseen sentences join beginnings and ends that the training rows hold in other company.
    """
    german = labelled_examples(54, "de")
    turn = np.arange(54) // 3 % 9
    unseen = np.isin(turn, (2, 4, 6))
    return Task(
        build=lambda folder: a_text_classifier(folder, labels=LABELS),
        train=german.take(np.flatnonzero(~unseen)),
        unseen=german.take(np.flatnonzero(unseen)),
        source=labelled_examples(48, "en"),
    )


def image_task() -> Task:
    """Bars whose position is the label, for an untrained digit reader."""
    return Task(
        build=a_declared_digit_reader,
        train=image_examples(60),
        unseen=image_examples(60, seed=2),
        source=image_examples(60, seed=1),
    )
