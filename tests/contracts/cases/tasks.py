"""Small tasks with signal: source models, rows to learn from and rows kept unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.learn.data.examples import Examples
from tests.support.datasets import LABELS, image_examples, labelled_examples
from tests.support.models import (
    a_declared_digit_reader,
    a_label_set_classifier,
    a_text_classifier,
    a_token_classifier,
)
from tests.support.tagged import label_set_examples, tagged_examples


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


def tagging_task() -> Task:
    """Names and areas in German commands, for an untrained tagger."""
    german = tagged_examples(48, "de")
    return Task(
        build=a_token_classifier,
        train=german.take(np.arange(32)),
        unseen=german.take(np.arange(32, 48)),
        source=tagged_examples(40, "en"),
    )


def label_set_task() -> Task:
    """None, one or two of three wishes in a text, for an untrained classifier."""
    rows = label_set_examples(96)
    return Task(
        build=lambda folder: a_label_set_classifier(folder, labels=LABELS),
        train=rows.take(np.arange(72)),
        unseen=rows.take(np.arange(72, 96)),
        source=label_set_examples(48),
    )


def image_task() -> Task:
    """Bars whose position is the label, for an untrained digit reader."""
    return Task(
        build=a_declared_digit_reader,
        train=image_examples(60),
        unseen=image_examples(60, seed=2),
        source=image_examples(60, seed=1),
    )
