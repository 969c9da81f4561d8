"""A whole transfer in this process, on a real database, with tiny real models."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sqlalchemy.orm import Session

from app.domain.enums import EvaluationKind, Role, Task
from app.domain.evaluations import Evaluation
from app.domain.jobs import JobState
from app.domain.models import Model
from app.domain.transfers import SampleSize, Transfer
from app.formats.huggingface.classifiers import TextClassifier
from app.formats.prediction_tables import read_predictions
from app.learn.data.examples import Examples
from app.learn.network import Batch
from app.services.context import Context, open_context
from app.services.transfers.inputs import load_network, load_transfer_inputs
from app.services.transfers.run import run_transfer
from app.settings import Settings
from app.store import evaluations, job_queue, models, transfers
from tests.support.claimed_transfers import a_claimed_transfer, the_same_again
from tests.support.datasets import LABELS, image_examples, labelled_examples
from tests.support.models import (
    DIGITS,
    a_declared_digit_reader,
    a_text_classifier,
    an_encoder,
    an_image_classifier_hf,
)
from tests.support.records import claim_a_transfer

_GERMAN = {"alarm": "Wecker", "music": "Musik", "weather": "Wetter"}
QUICK = {"strategy": "head", "max_steps": 60}


@pytest.fixture
def context(tmp_path: Path, one_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Context:
    return _context(tmp_path, one_database_url, monkeypatch)


def _context(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Context:
    settings = Settings(data_dir=tmp_path / "var", database_url=url)
    monkeypatch.setattr("app.services.transfers.run.settings", lambda: settings)
    return open_context(settings)


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    return a_text_classifier(tmp_path / "classifier", labels=LABELS)


def _run(context: Context, transfer: Transfer) -> Transfer:
    run_transfer(transfer.id, transfer.attempt)
    return _read(context, lambda session: transfers.get(session, transfer.id))


def _read(context: Context, query: Callable[[Session], Any]) -> Any:
    with context.readers.begin() as session:
        return query(session)


def _evaluations(context: Context, transfer: Transfer) -> dict[EvaluationKind, Evaluation]:
    found = _read(context, lambda session: evaluations.of_transfer(session, transfer.id))
    return {one.kind: one for one in found}


def _model(context: Context, id: str | None) -> Model:
    model: Model = _read(context, lambda session: models.get(session, str(id)))
    return model


def test_a_transfer_registers_a_model_with_its_evaluations(
    tmp_path: Path, database_url: str, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = _context(tmp_path, database_url, monkeypatch)
    rows = {Role.TRAIN: labelled_examples(60, "de"), Role.SOURCE_TEST: labelled_examples(18)}
    started = a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK)
    done = _run(context, started)
    assert done.state is JobState.SUCCEEDED, done.failure
    assert done.progress is not None
    assert (done.progress.fraction, done.progress.eta_seconds) == (1.0, 0.0)
    model = _model(context, done.model_id)
    assert (model.name, model.version, model.languages) == ("tickets-de", 1, ("en", "de"))
    assert (model.parent_id, model.transfer_id) == (started.spec.model_id, started.id)
    assert model.sha256 is not None
    assert context.artifacts.exists(model.sha256)
    found = _evaluations(context, done)
    assert set(found) == set(EvaluationKind) - {EvaluationKind.WORD_FEATURES}
    assert found[EvaluationKind.TRANSFERRED].model_id == model.id
    assert found[EvaluationKind.SOURCE_BEFORE].rows == 18
    assert {one["baseline"] for one in done.result["comparisons"]} == {
        "source-model",
        "tfidf",
        "linear-probe",
        "majority",
        "chance",
    }
    score, metrics = done.result["score"], found[EvaluationKind.TRANSFERRED].metrics
    assert {name: score[name] for name in ("value", "low", "high")} == {
        name: metrics["accuracy"][name] for name in ("value", "low", "high")
    }
    assert done.result["verdict"]["sentence"].startswith(f"Accuracy on {score['rows']} test rows ")
    forgetting = done.result["forgetting"]
    assert forgetting["difference"] == pytest.approx(forgetting["after"] - forgetting["before"])
    assert forgetting["after"] == score["source"]["value"]
    assert "Accuracy on `en` rows" in forgetting["sentence"]
    assert _read(context, lambda s: job_queue.events_after(s, done.id, 0))[-1].kind == "succeeded"


def test_copies_of_test_rows_make_no_score_more_certain(context: Context, classifier: Path) -> None:
    distinct = labelled_examples(12, "de")
    copies = np.arange(12).repeat(6)
    test = replace(distinct.take(copies), rows=np.arange(1, 73))
    source = replace(labelled_examples(4).take(copies % 4), rows=np.arange(1, 73))
    rows = {
        Role.TRAIN: labelled_examples(90, "de").take(np.arange(12, 90)),
        Role.TEST: test,
        Role.SOURCE_TEST: source,
    }
    done = _run(context, a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK))
    assert done.state is JobState.SUCCEEDED, done.failure
    metrics = _evaluations(context, done)[EvaluationKind.TRANSFERRED].metrics
    assert (metrics["sample"]["rows"], metrics["sample"]["clusters"]) == (72, 12)
    assert metrics["accuracy"]["high"] - metrics["accuracy"]["low"] > 0.2
    assert {one["clusters"] for one in done.result["comparisons"]} == {12}
    assert "12 independent test rows" in done.result["verdict"]["sentence"]
    assert done.result["forgetting"]["clusters"] == 4
    assert done.result["forgetting"]["low"] is None


def test_a_second_transfer_finds_the_vectors_of_the_first_and_ends_in_the_same_numbers(
    context: Context, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {Role.TRAIN: labelled_examples(60, "de"), Role.SOURCE_TEST: labelled_examples(18)}
    asked = a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK)
    first = _run(context, asked)

    def never(network: TextClassifier, batch: Batch) -> torch.Tensor:
        raise AssertionError("a text was encoded again")

    monkeypatch.setattr(TextClassifier, "features", never)
    again = _run(context, the_same_again(context, asked))
    assert again.state is JobState.SUCCEEDED, again.failure
    assert again.result["comparisons"] == first.result["comparisons"]
    assert again.result["history"] == first.result["history"]


def test_the_split_is_recorded_and_its_roles_share_no_row(
    context: Context, classifier: Path
) -> None:
    rows = {Role.TRAIN: labelled_examples(60, "de", grouped=True)}
    spec = {"parameters": QUICK, "validation_fraction": 0.15}
    done = _run(context, a_claimed_transfer(context, classifier, rows, LABELS, **spec))
    split = json.loads(context.artifacts.path(done.result["split_sha256"]).read_text())
    parts = {role: set(told["rows"]) for role, told in split["roles"].items()}
    assert set(parts) == {"train", "validation", "test"}
    assert sum(map(len, parts.values())) == 60
    assert len(set().union(*parts.values())) == 60
    groups = labelled_examples(60, "de", grouped=True).groups
    sides = {role: {groups[row - 1] for row in numbers} for role, numbers in parts.items()}
    assert not sides["train"] & sides["test"]
    assert done.result["rows"] == {role: len(numbers) for role, numbers in parts.items()}
    counts = done.result["row_table"]["train"]
    assert counts == {"received": 60, "used": done.result["rows"], "dropped": {}}
    assert done.result["validation"]["origin"] == "split"


def test_few_labels_are_all_trained_on_and_the_result_says_why(
    context: Context, classifier: Path
) -> None:
    rows = {Role.TRAIN: labelled_examples(32, "de"), Role.TEST: labelled_examples(18, "hi")}
    few = {"parameters": {"strategy": "logistic"}}
    done = _run(context, a_claimed_transfer(context, classifier, rows, LABELS, **few))
    assert done.result["rows"] == {"train": 32, "test": 18}
    assert done.result["validation"] == {
        "origin": "none",
        "fraction": 0.0,
        "reason": "`fine-tune` with these parameters learns nothing from validation rows. All 32 "
        "rows are trained on.",
    }
    reason = done.result["validation"]["reason"]
    assert not any(reason in note for note in done.result["notes"]), "it is said once"


def test_predictions_of_each_test_row_are_kept_and_readable_worst_first(
    context: Context, classifier: Path
) -> None:
    rows = {Role.TRAIN: labelled_examples(60, "de")}
    done = _run(context, a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK))
    evaluation = _evaluations(context, done)[EvaluationKind.TRANSFERRED]
    table = read_predictions(context.artifacts.path(str(evaluation.predictions_sha256)))
    assert len(table) == evaluation.rows
    owns = [row["probability_of_label"] for row in table]
    assert owns == sorted(owns)
    right = np.mean([row["label"] == row["predicted"] for row in table])
    assert right == pytest.approx(evaluation.metrics["accuracy"]["value"])


def test_an_encoder_gets_a_head_and_has_no_source_model_evaluation(
    context: Context, tmp_path: Path
) -> None:
    folder = an_encoder(tmp_path / "encoder")
    rows = {Role.TRAIN: labelled_examples(60, "de")}
    done = _run(context, a_claimed_transfer(context, folder, rows, LABELS, parameters=QUICK))
    assert done.state is JobState.SUCCEEDED, done.failure
    facts = _model(context, done.model_id).facts
    assert facts is not None
    assert (facts.task, facts.labels) == (Task.TEXT_CLASSIFICATION, LABELS)
    assert EvaluationKind.SOURCE_MODEL not in _evaluations(context, done)
    assert "without a head" in done.result["notes"][0]


def test_the_same_seed_gives_an_encoder_the_same_head(context: Context, tmp_path: Path) -> None:
    folder = an_encoder(tmp_path / "encoder")
    rows = {Role.TRAIN: labelled_examples(60, "de")}
    material = load_transfer_inputs(context, a_claimed_transfer(context, folder, rows, LABELS))
    drawn = []
    for elsewhere, seed in ((1, 7), (2, 7), (2, 8)):
        torch.manual_seed(elsewhere)
        [weight, *_] = load_network(context, material, seed).head_parameters()
        drawn.append(weight.detach())
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[1], drawn[2])


def test_a_network_that_reads_colours_reads_grey_images_too(
    context: Context, tmp_path: Path
) -> None:
    folder = an_image_classifier_hf(tmp_path / "vit", channels=3)
    rows = {Role.TRAIN: image_examples(60)}
    done = _run(context, a_claimed_transfer(context, folder, rows, DIGITS, parameters=QUICK))
    assert done.state is JobState.SUCCEEDED, done.failure


def test_repeats_draw_other_samples_and_report_their_spread(
    context: Context, tmp_path: Path
) -> None:
    folder = a_declared_digit_reader(tmp_path / "digits")
    rows = {Role.TRAIN: image_examples(200), Role.TEST: image_examples(50, seed=1)}
    started = a_claimed_transfer(
        context,
        folder,
        rows,
        DIGITS,
        repeats=3,
        sample=SampleSize(per_class=4),
        validation_fraction=0.0,
        parameters={"strategy": "full", "max_steps": 5},
    )
    done = _run(context, started)
    assert done.state is JobState.SUCCEEDED, done.failure
    assert done.result["rows"] == {"train": 40, "test": 50}
    spread = done.result["spread"]
    assert len(spread["each"]) == 3
    assert spread["mean"] == pytest.approx(np.mean(spread["each"]))
    assert [one["seed"] for one in done.result["repeats"]] == [0, 1, 2]
    assert done.result["chosen_repeat"] == 0, "without validation the test rows must not choose"


def test_joint_keeps_source_rows_out_that_translate_test_rows(
    context: Context, classifier: Path
) -> None:
    rows = {
        Role.TRAIN: labelled_examples(60, "de", grouped=True),
        Role.SOURCE: labelled_examples(60, "en", grouped=True),
    }
    started = a_claimed_transfer(
        context, classifier, rows, LABELS, method="joint", parameters=QUICK
    )
    done = _run(context, started)
    assert done.state is JobState.SUCCEEDED, done.failure
    assert done.result["leaks_dropped"]["source"] >= done.result["rows"]["test"]


def test_a_failure_is_recorded_with_its_code_and_publishes_nothing(
    context: Context, classifier: Path
) -> None:
    same = labelled_examples(30, "de")
    started = a_claimed_transfer(
        context, classifier, {Role.TRAIN: same, Role.TEST: same}, LABELS, parameters=QUICK
    )
    before = _files(context)
    done = _run(context, started)
    assert done.state is JobState.FAILED
    assert done.failure is not None
    assert done.failure["code"] == "nothing-to-train-on"
    assert _files(context) - before == set()


def test_an_unforeseen_error_is_recorded_as_internal(
    context: Context, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("app.services.transfers.run.run_repeats", explode)
    rows = {Role.TRAIN: labelled_examples(30, "de")}
    done = _run(context, a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK))
    assert done.failure is not None
    assert done.failure["code"] == "internal-error"
    assert "ZeroDivisionError" in done.failure["message"]


def test_a_transfer_that_ran_out_of_memory_is_tried_again_with_smaller_parts_and_says_so(
    context: Context, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    rows = {Role.TRAIN: labelled_examples(30, "de")}
    started = a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK)
    with monkeypatch.context() as short:
        short.setattr("app.services.transfers.run.run_repeats", run_out)
        waiting = _run(context, started)
    assert (waiting.state, waiting.memory_failures) == (JobState.QUEUED, 1)
    done = _run(context, _claim(context))
    assert done.state is JobState.SUCCEEDED
    assert done.result is not None
    assert any("in 2 parts" in note for note in done.result["notes"])


def test_a_disk_that_went_away_costs_an_attempt_and_not_the_transfer(
    context: Context, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplugged(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("app.services.transfers.run.run_repeats", unplugged)
    rows = {Role.TRAIN: labelled_examples(30, "de")}
    done = _run(context, a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK))
    assert done.state is JobState.QUEUED


def test_a_cancelled_transfer_ends_quietly_and_leaves_the_rest_to_the_worker(
    context: Context, classifier: Path
) -> None:
    rows = {Role.TRAIN: labelled_examples(30, "de")}
    started = a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK)
    with context.sessions.begin() as session:
        transfers.cancel(session, started.id)
    done = _run(context, started)
    assert done.state is JobState.RUNNING
    assert _evaluations(context, done) == {}


def test_an_attempt_that_lost_its_lease_writes_nothing(
    context: Context, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later attempt takes over between the last report and the record."""
    rows = {Role.TRAIN: labelled_examples(30, "de")}
    started = a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK)
    before = _files(context)

    def taken_over(*given: Any) -> Any:
        with context.sessions.begin() as session:
            job_queue.hand_back(session, started.id, started.attempt)
        from app.services.transfers.record import record_outcome

        record_outcome(*given)

    monkeypatch.setattr("app.services.transfers.run.record_outcome", taken_over)
    done = _run(context, started)
    assert done.state is JobState.QUEUED
    assert _evaluations(context, done) == {}
    assert _files(context) - before == set()


def _files(context: Context) -> set[Path]:
    """Every file of the store but unpacked copies, which any reader may make."""
    root = context.artifacts.root
    return {p for p in root.rglob("*") if p.is_file() and "unpacked" not in p.parts}


def test_rows_of_a_given_validation_set_are_not_trained_on(
    context: Context, classifier: Path
) -> None:
    everything = labelled_examples(60, "de")
    rows: dict[Role, Examples] = {
        Role.TRAIN: everything.take(np.arange(30)),
        Role.VALIDATION: everything.take(np.arange(20, 45)),
        Role.TEST: everything.take(np.arange(40, 60)),
    }
    done = _run(context, a_claimed_transfer(context, classifier, rows, LABELS, parameters=QUICK))
    assert done.result["rows"] == {"train": 30, "validation": 10, "test": 20}


def test_labels_of_the_dataset_are_renamed_to_those_of_the_model(
    context: Context, classifier: Path
) -> None:
    german = ("Musik", "Wecker", "Wetter")
    mapping = {"Musik": "music", "Wecker": "alarm", "Wetter": "weather"}
    rows = labelled_examples(60, "de")
    named = np.array([german.index(_GERMAN[LABELS[target]]) for target in rows.targets])
    given = {Role.TRAIN: replace(rows, targets=named)}
    renamed = {"parameters": QUICK, "label_mapping": mapping}
    started = a_claimed_transfer(context, classifier, given, german, **renamed)
    read = load_transfer_inputs(context, started).examples[Role.TRAIN]
    assert np.array_equal(read.targets, rows.targets)
    done = _run(context, started)
    assert done.state is JobState.SUCCEEDED, done.failure
    assert _evaluations(context, done)[EvaluationKind.TRANSFERRED].labels == LABELS


def _claim(context: Context) -> Transfer:
    with context.sessions.begin() as session:
        return claim_a_transfer(session)
