"""Whole transfers of models that answer with tags of words or with several labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from seqeval.metrics import f1_score

from app.domain.enums import EvaluationKind, Role, Task
from app.domain.evaluations import Evaluation
from app.domain.jobs import JobState
from app.domain.models import Model
from app.domain.transfers import Transfer
from app.formats.prediction_tables import read_predictions
from app.services.context import Context, open_context
from app.services.transfers.run import run_transfer
from app.settings import Settings
from app.store import evaluations, models, transfers
from tests.support.claimed_transfers import a_claimed_transfer
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import TAGS, a_label_set_classifier, a_token_classifier, an_encoder
from tests.support.tagged import label_set_examples, tagged_examples

QUICK = {"strategy": "full", "max_steps": 40, "learning_rate": 3e-3, "batch_size": 16}


@pytest.fixture
def context(tmp_path: Path, one_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Context:
    settings = Settings(data_dir=tmp_path / "var", database_url=one_database_url)
    monkeypatch.setattr("app.services.transfers.run.settings", lambda: settings)
    return open_context(settings)


def _done(
    context: Context, folder: Path, rows: Any, labels: Any, **spec: Any
) -> tuple[Transfer, dict[EvaluationKind, Evaluation], Model]:
    started = a_claimed_transfer(context, folder, rows, labels, parameters=QUICK, **spec)
    run_transfer(started.id, started.attempt)
    with context.readers.begin() as session:
        done = transfers.get(session, started.id)
        assert done is not None
        assert done.state is JobState.SUCCEEDED, done.failure
        found = {one.kind: one for one in evaluations.of_transfer(session, done.id)}
        model = models.get(session, str(done.model_id))
    assert model is not None
    return done, found, model


def test_a_tagger_is_scored_by_entities_as_seqeval_does(context: Context, tmp_path: Path) -> None:
    folder = a_token_classifier(tmp_path / "tagger")
    rows = {Role.TRAIN: tagged_examples(60, "de"), Role.SOURCE_TEST: tagged_examples(12)}
    done, found, model = _done(context, folder, rows, TAGS, repeats=2)
    assert set(found) == set(EvaluationKind) - {EvaluationKind.TFIDF}
    assert model.facts is not None
    assert model.facts.task is Task.TOKEN_CLASSIFICATION
    for evaluation in found.values():
        digest = evaluation.predictions_sha256
        table = read_predictions(context.artifacts.path(str(digest)), "row", 0, 100)
        assert all(len(row["words"]) == len(row["label"]) for row in table)
        theirs = f1_score([row["label"] for row in table], [row["predicted"] for row in table])
        assert evaluation.metrics["entity_f1"]["value"] == pytest.approx(theirs)
    assert found[EvaluationKind.TRANSFERRED].metrics["entity_f1"]["value"] > 0.3
    assert found[EvaluationKind.MAJORITY].metrics["entity_f1"]["value"] == 0
    assert {one["metric"] for one in done.result["comparisons"]} == {"entity_f1"}
    assert done.result["spread"]["metric"] == "entity_f1"
    assert "validation_entity_f1" in done.result["repeats"][0]


def test_a_plain_encoder_becomes_a_tagger_by_its_training_rows(
    context: Context, tmp_path: Path
) -> None:
    folder = an_encoder(tmp_path / "encoder")
    rows = {Role.TRAIN: tagged_examples(48, "de")}
    _, found, model = _done(context, folder, rows, TAGS)
    assert model.facts is not None
    assert (model.facts.task, model.facts.labels) == (Task.TOKEN_CLASSIFICATION, TAGS)
    assert EvaluationKind.SOURCE_MODEL not in found


def test_a_label_set_classifier_is_scored_by_labels(context: Context, tmp_path: Path) -> None:
    folder = a_label_set_classifier(tmp_path / "classifier", LABELS)
    rows = {Role.TRAIN: label_set_examples(72), Role.SOURCE_TEST: labelled_examples(12)}
    done, found, model = _done(context, folder, rows, LABELS)
    assert model.facts is not None
    assert model.facts.task is Task.MULTI_LABEL_CLASSIFICATION
    metrics = found[EvaluationKind.TRANSFERRED].metrics
    assert metrics["micro_f1"]["low"] <= metrics["micro_f1"]["value"] <= metrics["micro_f1"]["high"]
    assert {one["baseline"] for one in done.result["comparisons"]} == {
        "source-model",
        "tfidf",
        "linear-probe",
        "majority",
        "chance",
    }
    digest = found[EvaluationKind.TRANSFERRED].predictions_sha256
    [row] = read_predictions(context.artifacts.path(str(digest)), "row", 0, 1)
    assert isinstance(row["label"], list)
    assert len(row["probabilities"]) == len(LABELS)
