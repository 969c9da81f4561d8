"""Compiling a model in this process, on a real database, with tiny real models."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.artifacts.archive import open_folder
from app.domain.enums import Role, Task
from app.domain.models import Model, Serving
from app.learn.data.examples import Examples
from app.runtimes.onnx.onnxruntime_engine import open_onnx
from app.runtimes.torch_runtime import computes_bfloat16
from app.services.artifacts import collect_artifacts, drop_unused
from app.services.compile_model import compile_model
from app.services.context import Context, open_context
from app.services.models import delete_model
from app.services.transfers.run import run_transfer
from app.settings import Settings
from app.store import evaluations, job_queue, models, transfers
from tests.support.claimed_transfers import a_claimed_transfer, store_model
from tests.support.datasets import LABELS, image_examples, labelled_examples
from tests.support.models import (
    DIGITS,
    TAGS,
    a_declared_digit_reader,
    a_text_classifier,
    a_token_classifier,
    an_encoder,
    an_image_classifier_hf,
)
from tests.support.tagged import tagged_examples

_QUICK = {"strategy": "head", "max_steps": 20}


@pytest.fixture
def context(tmp_path: Path, one_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Context:
    settings = Settings(
        data_dir=tmp_path / "var", database_url=one_database_url, advice_seconds=0, int8_tolerance=1
    )
    for module in ("transfers.run", "compile_model"):
        monkeypatch.setattr(f"app.services.{module}.settings", lambda: settings)
    return open_context(settings)


_CASES = {
    "texts": (a_text_classifier, lambda: labelled_examples(60, "de"), LABELS),
    "words": (a_token_classifier, lambda: tagged_examples(40, "de"), TAGS),
    "images": (an_image_classifier_hf, lambda: image_examples(60), DIGITS),
}


@pytest.mark.parametrize("case", _CASES)
def test_a_transferred_model_is_checked_on_its_own_evaluation(
    tmp_path: Path, context: Context, case: str
) -> None:
    level = logging.getLogger().level
    build, rows, labels = _CASES[case]
    made = build(tmp_path / "model", labels=labels)
    model = _transferred(context, made, rows(), labels)
    serving = _compiled(context, model)
    tried = {(one.engine, one.precision): one for one in serving.candidates}
    exact = tried["onnxruntime", "float32"]
    assert exact.failure == ""
    assert exact.check is not None
    assert exact.check.passed
    assert exact.check.real
    assert exact.check.same_answers == 1.0
    assert exact.check.largest_difference < 1e-3
    assert exact.check.value == exact.check.reference
    assert exact.check.rows == _evaluated_rows(context, model)
    assert exact.batched_per_second is not None
    assert {"int8", "float32"} <= {precision for _, precision in tried}
    if computes_bfloat16():
        assert tried["openvino", "bfloat16"].check is not None
    assert serving.check is not None
    assert logging.getLogger().level == level  # no library made the process mute


def test_an_uploaded_model_is_checked_on_made_up_inputs_and_stays_in_float32(
    tmp_path: Path, context: Context
) -> None:
    model = _uploaded(context, an_encoder(tmp_path / "model", labels=LABELS))
    serving = _compiled(context, model)
    assert {one.precision for one in serving.candidates} == {"float32"}
    assert [one.check.real for one in serving.candidates if one.check] == [False, False]
    assert serving.engine == "onnxruntime"
    assert serving.check is not None
    assert serving.check.metric is None


def test_what_was_compiled_is_kept_as_long_as_the_model(tmp_path: Path, context: Context) -> None:
    model = _uploaded(context, a_declared_digit_reader(tmp_path / "model"))
    serving = _compiled(context, model)
    assert serving.sha256 is not None
    assert collect_artifacts(context, -1.0) == []
    runtime = open_onnx(open_folder(context.artifacts, serving.sha256, 2**30, 100))
    [answer] = runtime.run(runtime.prepare([np.zeros((1, 28, 28), np.uint8)]), 1)
    assert answer.shape == (10,)
    with context.sessions.begin() as session:
        digests = delete_model(session, model)
    assert digests == [model.sha256, serving.sha256]
    assert [drop_unused(context, digest) for digest in digests] == [True, True]
    assert not context.artifacts.exists(serving.sha256)


def test_a_compilation_that_another_attempt_holds_leaves_nothing(
    tmp_path: Path, context: Context
) -> None:
    model = _uploaded(context, a_declared_digit_reader(tmp_path / "model"))
    attempt = _claim(context, lease_seconds=-1)
    _claim(context)
    compile_model(model.id, attempt)
    assert _read(context, model.id).serving is None
    assert [one.digest for one in context.artifacts.stored()] == [model.sha256]


def test_a_model_whose_file_cannot_be_read_is_served_by_its_own_file(
    tmp_path: Path, context: Context
) -> None:
    model = store_model(context, a_declared_digit_reader(tmp_path / "model"))
    damaged = replace(model, sha256="0" * 64)
    with context.sessions.begin() as session:
        models.insert(session, damaged)
    _claim(context)
    compile_model(damaged.id, 1)
    serving = _read(context, damaged.id).serving
    assert serving is not None
    assert (serving.engine, serving.precision, serving.sha256) == ("torch", "float32", None)
    assert serving.failure is not None
    assert serving.failure["code"] == "artifact-missing"


def test_plain_encoders_are_passed_over_and_the_newest_model_comes_first(
    tmp_path: Path, context: Context
) -> None:
    older = _uploaded(context, a_declared_digit_reader(tmp_path / "model"))
    assert older.facts is not None
    newer, encoder = (
        replace(older, id="mdl_newer", version=2),
        replace(
            older,
            id="mdl_encoder",
            version=3,
            facts=replace(older.facts, task=Task.FEATURE_EXTRACTION),
        ),
    )
    with context.sessions.begin() as session:
        models.insert(session, replace(newer, created_at=older.created_at.replace(year=2090)))
        models.insert(session, replace(encoder, created_at=older.created_at.replace(year=2099)))
    claimed = []
    for _ in range(2):
        with context.sessions.begin() as session:
            models.enqueue_compilations(session)
            job = job_queue.claim(session, models.COMPILATION, "test-worker", 600, 2)
        assert job is not None
        claimed.append(job.id)
    assert claimed == [newer.id, older.id]
    with context.readers() as session:
        assert not models.compilation_waits(session)
    assert _read(context, encoder.id).serving is None


def _transferred(context: Context, folder: Path, rows: Examples, labels: tuple[str, ...]) -> Model:
    started = a_claimed_transfer(context, folder, {Role.TRAIN: rows}, labels, parameters=_QUICK)
    run_transfer(started.id, started.attempt)
    with context.readers() as session:
        done = transfers.get(session, started.id)
    assert done is not None
    assert done.model_id is not None, done.failure
    return _read(context, done.model_id)


def _uploaded(context: Context, folder: Path) -> Model:
    model = store_model(context, folder)
    with context.sessions.begin() as session:
        models.insert(session, model)
    return model


def _claim(context: Context, lease_seconds: float = 600) -> int:
    with context.sessions.begin() as session:
        models.enqueue_compilations(session)
        job = job_queue.claim(session, models.COMPILATION, "test-worker", lease_seconds, 2)
    assert job is not None
    return job.attempt


def _compiled(context: Context, model: Model) -> Serving:
    compile_model(model.id, _claim(context))
    serving = _read(context, model.id).serving
    assert serving is not None
    assert serving.failure is None
    return serving


def _read(context: Context, id: str) -> Model:
    with context.readers() as session:
        model = models.get(session, id)
    assert model is not None
    return model


def _evaluated_rows(context: Context, model: Model) -> int:
    with context.readers() as session:
        found = evaluations.page(session, 10, model_id=model.id).items
    return next(one.rows for one in found if one.kind == "transferred")
