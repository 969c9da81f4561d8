"""What advice says where data lack: which, and what to send."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from app.domain.enums import Role
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples
from app.services.transfers.advice.advise import (
    abstention_advice,
    language_distance_advice,
    learning_curve_advice,
)
from app.services.transfers.advice.data import leakage_advice, tokenizer_advice, truncation_advice
from app.services.transfers.advice.finished_transfer import EncodedRows, FinishedTransfer


def _rows(count: int, classes: int = 2) -> Examples:
    targets = np.arange(count, dtype=np.int64) % classes
    return Examples([f"Zeile {i}" for i in range(count)], targets, np.arange(1, count + 1))


def _finished_transfer(
    labelled: int = 0,
    classes: int = 2,
    unlabelled: int = 0,
    source: int = 0,
    method: str = "self-train",
    text: bool = True,
) -> FinishedTransfer:
    """A transfer that was given so many rows of each kind, and no test rows."""
    train = _rows(labelled, classes) if labelled else None
    inputs = {}
    if unlabelled:
        inputs[Role.UNLABELLED] = [f"Text {i}" for i in range(unlabelled)]
    if source:
        inputs[Role.SOURCE_UNLABELLED] = [f"text {i}" for i in range(source)]
    objective = SimpleNamespace(per_word=False)
    served = SimpleNamespace(
        labels=tuple(f"label-{i}" for i in range(classes)),
        objective=objective,
        tokens_lost=lambda texts: [0] * len(texts),
        lengths=lambda texts: [2] * len(texts),
    )
    output = SimpleNamespace(out_of_fold=None, fitted_on_validation=False, rebuilt=False)
    partition = SimpleNamespace(train=train, validation=None)
    random = np.random.default_rng(0)
    view = SimpleNamespace(
        encode=lambda _, rows: EncodedRows(np.arange(len(rows)), random.normal(size=(len(rows), 8)))
    )
    examples = {} if train is None else {Role.TRAIN: train}
    finished = SimpleNamespace(
        single_label=True,
        text=text,
        served=served,
        seconds=10.0,
        spec=SimpleNamespace(wanted_precision=0.95, method=method, seed=0, language="de"),
        best=SimpleNamespace(output=output, partition=partition),
        held_out=SimpleNamespace(test=None, unlabelled=inputs, pairs={}, leaks={}),
        inputs=SimpleNamespace(examples=examples, unlabelled=inputs),
        compared=SimpleNamespace(on_test={}),
        context=None,
        monitor=NullMonitor(),
        labelled=lambda: train,
        source_rows=lambda: None,
        language_encoder=lambda: view,
        source_encoder=lambda: view,
        transferred_encoder=lambda: view,
    )
    return cast("FinishedTransfer", finished)


@pytest.mark.parametrize(
    ("rows", "said", "fraction"),
    [
        (0, "and there are none. Send so many as a `validation` dataset.", None),
        (32, "and you have 32, all of them trained on.", None),
        (200, "and you have 200, all of them trained on.", "0.23"),
    ],
)
def test_a_threshold_asks_for_rows_that_would_do(
    rows: int, said: str, fraction: str | None
) -> None:
    found = abstention_advice(_finished_transfer(rows))
    assert found["status"] == "withheld"
    assert "at least 45 labelled rows kept out of training" in found["sentence"]
    assert said in found["sentence"]
    wanted = f"`validation_fraction` of {fraction}." if fraction else "dataset."
    assert found["sentence"].endswith(wanted)


def test_a_leak_is_not_looked_for_without_test_rows_or_in_images() -> None:
    assert leakage_advice(_finished_transfer(30))["sentence"].startswith("There are no test rows")
    assert "not images" in leakage_advice(_finished_transfer(30, text=False))["sentence"]


def test_unlabelled_texts_are_looked_at_for_truncation() -> None:
    found = truncation_advice(_finished_transfer(unlabelled=140))
    assert (found["status"], found["sampled"]) == ("given", 140)
    none = truncation_advice(_finished_transfer())
    assert none["status"] == "withheld"
    assert "`unlabelled` text" in none["sentence"]
    assert "`unlabelled` text" in tokenizer_advice(_finished_transfer())["sentence"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"unlabelled": 140}, "none of the source language. Give `source_unlabelled` rows."),
        ({"unlabelled": 140, "source": 7}, "7 of the source language"),
        ({"source": 140}, "none of the target language. Give `unlabelled` rows."),
        ({"labelled": 140, "method": "fine-tune"}, "Give `source_test` rows."),
        ({}, "none of the source language and none of the target language"),
    ],
)
def test_the_distance_of_languages_names_the_side_that_lacks(
    given: dict[str, Any], said: str
) -> None:
    found = language_distance_advice(_finished_transfer(**given))
    assert found["status"] == "withheld"
    assert said in found["sentence"]


def test_a_learning_curve_says_how_many_rows_it_takes() -> None:
    few = learning_curve_advice(_finished_transfer(140, classes=27))
    assert few["status"] == "withheld"
    assert "takes 8 rows to train on for each label, here 216 for 27 labels" in few["sentence"]
    assert "Of the 140 labelled rows 11" in few["sentence"]
    assert few["sentence"].endswith("`label-5` has 5 in all.")
    one = learning_curve_advice(_finished_transfer(140, classes=1))
    assert "all labelled rows have one label" in one["sentence"]
    enough = learning_curve_advice(_finished_transfer(150, classes=14))
    assert "takes 8 rows" not in enough["sentence"]
