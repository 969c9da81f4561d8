"""The advice in the result of a whole transfer, with tiny real models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.enums import Role
from app.domain.jobs import JobState
from app.domain.transfers import Transfer
from app.learn.callbacks import Cancelled
from app.learn.data.examples import Examples
from app.services.context import Context, open_context
from app.services.transfers.run import run_transfer
from app.settings import Settings
from app.store import transfers
from tests.support.claimed_transfers import a_claimed_transfer
from tests.support.datasets import LABELS, image_examples, labelled_examples
from tests.support.models import DIGITS, a_declared_digit_reader, a_text_classifier

QUICK = {"strategy": "head", "max_steps": 60}
PARTS = {
    *("abstention", "learning_curve", "leakage", "language_distance", "tokenizer"),
    *("truncation", "wrong_language", "seconds"),
}
Run = Callable[..., Transfer]


@pytest.fixture
def make(
    tmp_path: Path, one_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Run]:
    """Gives a function that runs a transfer of a text classifier under some settings."""

    def under(**settings: Any) -> Run:
        chosen = Settings(data_dir=tmp_path / "var", database_url=one_database_url, **settings)
        monkeypatch.setattr("app.services.transfers.run.settings", lambda: chosen)
        context = open_context(chosen)
        return lambda rows, **spec: _run(context, tmp_path, rows, **spec)

    return under


def _run(
    context: Context,
    folder: Path,
    rows: dict[Role, Examples],
    labels: tuple[str, ...] = LABELS,
    **spec: Any,
) -> Transfer:
    build = a_text_classifier if labels is LABELS else a_declared_digit_reader
    model = build(folder / "model", labels=labels)
    claimed = a_claimed_transfer(context, model, rows, labels, **{"parameters": QUICK} | spec)
    run_transfer(claimed.id, claimed.attempt)
    with context.readers.begin() as session:
        done = transfers.get(session, claimed.id)
    assert done is not None
    return done


def _advice(done: Transfer) -> dict[str, Any]:
    assert done.state is JobState.SUCCEEDED, done.failure
    assert done.result is not None
    advice: dict[str, Any] = done.result["advice"]
    return advice


def test_every_part_says_a_sentence(make: Callable[..., Run]) -> None:
    rows = {Role.TRAIN: labelled_examples(90, "de"), Role.SOURCE: labelled_examples(60)}
    advice = _advice(make()(rows, method="joint"))
    assert set(advice) == PARTS
    statements = [advice[part] for part in PARTS - {"seconds"}]
    assert all(one["sentence"].endswith(".") for one in statements)
    assert not any("could not be computed" in one["sentence"] for one in statements)
    assert advice["language_distance"]["encoder_kept"], "the strategy `head` leaves the body alone"
    assert advice["tokenizer"]["before"] == advice["tokenizer"]["after"]
    assert advice["learning_curve"]["rows"] == 72, "the eighteen test rows stay apart"


def test_a_near_copy_of_a_test_row_is_reported_with_both_row_numbers(
    make: Callable[..., Run],
) -> None:
    train, test = labelled_examples(27, "de"), labelled_examples(9)
    planted = replace(train, inputs=[*train.inputs[:-1], f"{test.inputs[4]} !"])
    leakage = _advice(make()({Role.TRAIN: planted, Role.TEST: test}))["leakage"]
    [pair] = leakage["near_copies"]["pairs"]
    assert (pair["row"], pair["test_row"]) == (27, 5)
    assert leakage["without_them"]["rows"] == 8
    assert "1 test row(s) are nearly the same text" in leakage["sentence"]


def test_a_body_that_was_trained_is_measured_anew(make: Callable[..., Run]) -> None:
    rows = {Role.TRAIN: labelled_examples(60, "de"), Role.SOURCE_TEST: labelled_examples(30)}
    parameters = {"strategy": "full", "max_steps": 30, "learning_rate": 0.01}
    advice = _advice(make()(rows, parameters=parameters))["language_distance"]
    assert not advice["encoder_kept"]
    assert advice["before"] != advice["after"]


def test_the_wanted_precision_is_the_request_s_own(make: Callable[..., Run]) -> None:
    rows = {
        Role.TRAIN: labelled_examples(90, "de"),
        Role.VALIDATION: labelled_examples(120, "hi"),
        Role.TEST: labelled_examples(60, "en"),
    }
    abstention = _advice(make()(rows, wanted_precision=0.6))["abstention"]
    assert (abstention["wanted_precision"], abstention["rows"]) == (0.6, 120)
    if abstention["status"] == "given":
        assert abstention["test"]["rows"] == 60


def test_images_get_the_advice_that_makes_sense_for_them(make: Callable[..., Run]) -> None:
    advice = _advice(make()({Role.TRAIN: image_examples(200)}, labels=DIGITS))
    assert advice["leakage"]["status"] == "not-applicable"
    assert advice["tokenizer"]["status"] == "not-applicable"
    assert advice["learning_curve"]["rows"] == 160
    assert "or ask for a `validation_fraction` of 0.29" in advice["abstention"]["sentence"]


def test_rows_of_another_language_are_reported_by_role_and_number(
    make: Callable[..., Run],
) -> None:
    rows = labelled_examples(60, "de")
    english = "The children play football on the field every day after school."
    planted = replace(rows, inputs=[*rows.inputs[:-1], english])
    advice = _advice(make()({Role.TRAIN: planted}))["wrong_language"]
    assert advice["datasets"]["train"]["rows"] == [60]
    assert "1 of train (first rows 60)" in advice["sentence"]


def test_an_advice_that_fails_says_so_and_the_transfer_succeeds(
    make: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("app.services.transfers.advice.advise.draw_learning_curve", explode)
    advice = _advice(make()({Role.TRAIN: labelled_examples(90, "de")}))
    assert advice["learning_curve"]["status"] == "withheld"
    assert "ZeroDivisionError" in advice["learning_curve"]["sentence"]
    assert advice["tokenizer"]["status"] == "given"


def test_a_cancel_is_heard_while_advice_is_given(
    make: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(*_: object) -> None:
        raise Cancelled

    monkeypatch.setattr("app.services.transfers.advice.advise.draw_learning_curve", cancelled)
    done = make()({Role.TRAIN: labelled_examples(90, "de")})
    assert (done.state, done.model_id) == (JobState.RUNNING, None)


def test_without_time_for_it_there_is_no_advice(make: Callable[..., Run]) -> None:
    done = make(advice_seconds=0)({Role.TRAIN: labelled_examples(30, "de")})
    assert _advice(done) is None
