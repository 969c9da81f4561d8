"""A model that answers NaN to some rows, asked by jobs: each ends with an error that names them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.domain.enums import Role
from app.domain.errors.predictions import AnswerNotFinite
from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.data.examples import Examples
from app.learn.tasks.single_label import SingleLabel
from app.services.candidate_checks import CheckRows, check_answers
from app.services.compile_model import compile_network
from app.services.context import Context, open_context
from app.services.predict_batch import predict_dataset
from app.services.transfers.run import run_transfer
from app.settings import Settings
from app.store import transfers
from tests.support.batch_jobs import a_queued_batch
from tests.support.claimed_transfers import a_claimed_transfer
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import BROKEN, a_text_classifier, with_a_broken_letter


@pytest.fixture
def context(tmp_path: Path, one_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Context:
    settings = Settings(data_dir=tmp_path / "var", database_url=one_database_url)
    monkeypatch.setattr("app.services.transfers.run.settings", lambda: settings)
    return open_context(settings)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return with_a_broken_letter(a_text_classifier(tmp_path / "broken", labels=LABELS))


def test_a_batch_prediction_names_the_rows(context: Context, broken: Path, tmp_path: Path) -> None:
    batch = a_queued_batch(context, broken, _with_a_broken_row(17), LABELS)
    with pytest.raises(AnswerNotFinite, match=r"^The model tickets answers row 17 with NaN"):
        predict_dataset(context, batch, lambda done: None, tmp_path / "results")


def test_an_evaluation_ends_the_transfer_and_names_the_rows(context: Context, broken: Path) -> None:
    rows = {Role.TRAIN: labelled_examples(30), Role.TEST: _with_a_broken_row(5)}
    quick = {"strategy": "head", "max_steps": 5}
    started = a_claimed_transfer(context, broken, rows, LABELS, parameters=quick)
    run_transfer(started.id, started.attempt)
    with context.readers() as session:
        done = transfers.get(session, started.id)
    assert done is not None
    assert done.failure is not None
    assert done.failure["code"] == "answer-not-finite"
    assert done.failure["fields"] == {"inputs": ["row 5"], "count": 1}


def test_a_compilation_names_the_rows_of_its_check(broken: Path, tmp_path: Path) -> None:
    model_format = detect_format(broken)
    facts = model_format.inspect(broken, ModelHints())
    rows = CheckRows(["plain", BROKEN], np.array([0, 1]))
    with pytest.raises(AnswerNotFinite, match="row 1 of the check"):
        compile_network(model_format.load(broken, facts), facts, rows, None, tmp_path)


@pytest.mark.parametrize("place", range(2))
def test_a_candidate_that_answers_nan_fails_its_check_wherever_it_does(place: int) -> None:
    own = np.array([[0.25, 0.75], [0.25, 0.75]], np.float32)
    found = own.copy()
    found[place] = np.nan, 0.75
    rows = CheckRows(["x", "y"], np.array([0, 0]))
    assert not check_answers(SingleLabel(("a", "b")), rows, own, found, 1.0).passed


def _with_a_broken_row(number: int) -> Examples:
    rows = labelled_examples(30, "de")
    texts = [str(text) for text in rows.inputs]
    texts[number - 1] += f" {BROKEN}"
    return replace(rows, inputs=texts)
