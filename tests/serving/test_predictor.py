"""Predictions from a real process with real tiny models."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.artifacts.archive import pack
from app.artifacts.disk import DiskArtifacts
from app.domain.errors.predictions import (
    DeadlinePassed,
    ImageOfAnotherShape,
    ModelCannotPredict,
    ModelNotLoaded,
    NothingToPredict,
    PredictorSilent,
    PredictorStopped,
    TooManyInputs,
    UnusableInput,
)
from app.domain.identity import new_id
from app.domain.models import ModelHints, Servable
from app.domain.predictions import MOST_WINDOWS, PredictionOptions, Window
from app.formats.catalog import detect_format
from app.learn.inference import predict
from app.serving.predictor import Predictor, _places
from app.settings import Settings
from tests.support.alike import assert_alike
from tests.support.models import (
    DIGITS,
    INTENTS,
    SENTENCES,
    a_declared_digit_reader,
    a_text_classifier,
    an_encoder,
    an_image_classifier_hf,
)

Ask = Callable[[Servable, list[Any]], list[Any]]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> DiskArtifacts:
    return DiskArtifacts(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        data_dir=tmp_path_factory.mktemp("data"), model_memory_bytes=1, max_predict_inputs=20
    )


@pytest.fixture(scope="module")
def ask(settings: Settings, artifacts: DiskArtifacts) -> Iterator[Ask]:
    """Asks one predictor, in the one event loop that it lives in."""
    predictor = Predictor(settings, artifacts)

    def answers(servable: Servable, inputs: list[Any]) -> list[Any]:
        return runner.run(predictor.predict(servable, inputs)).predictions

    with asyncio.Runner() as runner:
        yield answers
        predictor.close()


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, artifacts) -> Servable:
    return _registered(a_text_classifier(tmp_path_factory.mktemp("model") / "text"), artifacts)


@pytest.fixture(scope="module")
def digit_reader(tmp_path_factory, artifacts) -> Servable:
    return _registered(a_declared_digit_reader(tmp_path_factory.mktemp("model") / "d"), artifacts)


def test_a_process_that_is_silent_is_waited_for_no_longer_than_the_settings_say(
    settings, artifacts, classifier
):
    patient = settings.model_copy(update={"predictor_seconds": 120.0})
    predictor = Predictor(patient, artifacts)

    async def scenario() -> None:
        first = await predictor.predict(classifier, [SENTENCES[0]])
        connection = await predictor._connected()
        predictor._settings = patient.model_copy(update={"predictor_seconds": 0.1})
        os.kill(connection.process.pid, signal.SIGSTOP)
        with pytest.raises(PredictorSilent):
            await predictor.predict(classifier, [SENTENCES[0]])
        with pytest.raises(PredictorSilent):
            await predictor.load(classifier)
        predictor._settings = patient
        options = PredictionOptions(deadline=time.monotonic() + 0.1)
        with pytest.raises(DeadlinePassed):
            await predictor.predict(classifier, [SENTENCES[0]], options)
        assert predictor.admission.inputs == 0
        assert connection._waiting == {}
        os.kill(connection.process.pid, signal.SIGCONT)
        again = await predictor.predict(classifier, [SENTENCES[0]])
        assert_alike(again.predictions, first.predictions)
        assert (await predictor.state()).waiting_inputs == 0
        assert await predictor._connected() is connection

    with asyncio.Runner() as runner:
        runner.run(scenario())
        predictor.close()


def test_a_text_gets_its_likeliest_label_and_every_labels_probability(ask, classifier):
    predictions = ask(classifier, list(SENTENCES))

    assert len(predictions) == len(SENTENCES)
    for prediction in predictions:
        assert set(prediction.probabilities) == set(INTENTS)
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
        best = max(prediction.probabilities.values())
        assert prediction.probabilities[prediction.label] == best


def test_a_request_with_a_window_counts_about_as_many_inputs_as_windows(classifier):
    """The classifier reads 64 tokens; four characters count as one."""
    options = PredictionOptions(window=Window())
    assert _places(classifier.facts, ["word", b"word", "word " * 200], options) == 1 + 1 + 4
    assert _places(classifier.facts, ["word " * 10**5], options) == MOST_WINDOWS
    assert _places(classifier.facts, ["word " * 10**5], PredictionOptions()) == 1


def test_a_text_may_come_as_its_bytes(ask, classifier):
    as_bytes = [sentence.encode() for sentence in SENTENCES]

    assert_alike(ask(classifier, as_bytes), ask(classifier, list(SENTENCES)))


def test_predictions_are_those_of_the_network_itself(ask, classifier, artifacts, tmp_path):
    folder = a_text_classifier(tmp_path / "same")
    network = detect_format(folder).load(folder, classifier.facts)

    predictions = ask(classifier, list(SENTENCES))

    probabilities = np.array(
        [list(prediction.probabilities.values()) for prediction in predictions]
    )
    np.testing.assert_allclose(probabilities, predict(network, list(SENTENCES)), atol=1e-5)


def test_every_way_to_write_an_image_gets_the_same_answer(ask, digit_reader):
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    forms = [
        pixels.tolist(),
        pixels[None].tolist(),
        pixels[..., None].tolist(),
        (pixels / 255).tolist(),
        _png(pixels),
        "data:image/png;base64," + _png(pixels),
        base64.b64decode(_png(pixels)),
        pixels,
        pixels[None].astype(np.int64),
        pixels[..., None] / np.float32(255),
        pixels.ravel(),
        np.stack([pixels] * 3).tolist(),
        np.stack([pixels] * 3, axis=2),
        base64.encodebytes(base64.b64decode(_png(pixels))),
        base64.urlsafe_b64encode(base64.b64decode(_png(pixels))).decode().rstrip("="),
    ]

    predictions = ask(digit_reader, forms)

    first = list(predictions[0].probabilities.values())
    for prediction in predictions[1:]:
        assert list(prediction.probabilities.values()) == pytest.approx(first, abs=1e-6)
    assert predictions[0].label in DIGITS


def test_a_model_that_resizes_takes_images_of_several_shapes_at_once(ask, artifacts, tmp_path):
    model = _registered(an_image_classifier_hf(tmp_path / "vit"), artifacts)
    images = [np.full((side, side + 3), 200, np.uint8) for side in (28, 40, 28)]

    predictions = ask(model, [_png(image) for image in images])

    assert len(predictions) == 3
    assert_alike(predictions[:1], predictions[2:])


def test_models_take_turns_when_only_one_fits(ask, classifier, digit_reader):
    before = ask(classifier, ["wake me up"])
    ask(digit_reader, [np.zeros((28, 28), int).tolist()])

    assert_alike(ask(classifier, ["wake me up"]), before)


def test_the_event_loop_goes_on_while_a_model_loads(settings, artifacts, classifier):
    async def count_ticks() -> int:
        predictor = Predictor(settings, artifacts)
        task = asyncio.create_task(predictor.predict(classifier, ["wake me up"]))
        ticks = 0
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        await task
        predictor.close()
        return ticks

    assert asyncio.run(count_ticks()) > 10


def test_a_process_that_dies_is_replaced_and_says_so_once(settings, artifacts, classifier):
    async def scenario() -> None:
        predictor = Predictor(settings, artifacts)
        before = await predictor.predict(classifier, ["wake me up"])
        connection = await predictor._connection
        task = asyncio.create_task(predictor.predict(classifier, ["wake me up"]))
        os.kill(connection.process.pid, signal.SIGSTOP)  # so that the request is held by it
        await asyncio.sleep(0)
        os.kill(connection.process.pid, signal.SIGKILL)
        with pytest.raises(PredictorStopped) as stopped:
            await task
        assert "again" in stopped.value.advice
        again = await predictor.predict(classifier, ["wake me up"])
        assert_alike(again.predictions, before.predictions)
        predictor.close()

    asyncio.run(scenario())


def test_a_missing_artifact_is_reported_and_hurts_no_other_model(
    ask, artifacts, classifier, tmp_path
):
    lost = _registered(a_text_classifier(tmp_path / "lost", seed=7), artifacts)
    artifacts.remove(lost.sha256)

    with pytest.raises(ModelNotLoaded, match=lost.name):
        ask(lost, ["wake me up"])

    assert ask(classifier, ["wake me up"])


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ([], NothingToPredict),
        (["x"] * 21, TooManyInputs),
        (["fine", "  \n"], UnusableInput),
        (["fine", 7], UnusableInput),
        (["fine", "\ud800"], UnusableInput),
        (["fine", b"\xff"], UnusableInput),
    ],
)
def test_unusable_texts_are_refused_by_position(ask, classifier, inputs, error):
    with pytest.raises(error) as refusal:
        ask(classifier, inputs)

    assert refusal.value.advice
    if error is UnusableInput:
        assert refusal.value.fields["position"] == 1


_FINE = np.zeros((28, 28), int).tolist()
_RAGGED = [[0, 1], [2]]
_DEEP = np.zeros((1, 1, 28, 28), int).tolist()


@pytest.mark.parametrize(
    "value",
    [
        {"pixels": 3},
        "no base64!",
        base64.b64encode(b"no image").decode(),
        lambda: _png(np.zeros((28, 28), np.uint8))[:60],
        _RAGGED,
        _DEEP,
        [["a"]],
        [],
        np.full((28, 28), 256).tolist(),
        np.full((28, 28), -1).tolist(),
        np.full((28, 28), float("nan")).tolist(),
        np.full((28, 28), np.inf, np.float32),
        np.zeros(783, np.uint8),
        np.full((28, 28), 16).tolist(),
        np.full((28, 28), 2.5).tolist(),
        b"no image",
    ],
)
def test_unusable_images_are_refused_by_position(ask, digit_reader, value: Any):
    value = value() if callable(value) else value

    with pytest.raises(UnusableInput) as refusal:
        ask(digit_reader, [_FINE, value])

    assert refusal.value.fields["position"] == 1


def test_an_image_of_another_shape_is_refused_with_both_shapes(ask, digit_reader):
    with pytest.raises(ImageOfAnotherShape) as refusal:
        ask(digit_reader, [_FINE, np.zeros((30, 28), int).tolist()])

    assert refusal.value.fields == {"position": 1, "got": [1, 30, 28], "wanted": [1, 28, 28]}


def test_transparent_pixels_count_as_white(ask, digit_reader):
    ink = np.zeros((28, 28, 4), np.uint8)
    ink[5:20, 10:15, 3] = 255
    flat = np.where(ink[..., 3] > 0, 0, 255).astype(np.uint8)

    transparent, white = ask(digit_reader, [_png(ink), _png(flat)])

    assert_alike([transparent], [white])


def test_a_plain_encoder_cannot_predict(ask, artifacts, tmp_path):
    encoder = _registered(an_encoder(tmp_path / "encoder"), artifacts)

    with pytest.raises(ModelCannotPredict):
        ask(encoder, ["wake me up"])


def _registered(folder: Path, artifacts: DiskArtifacts) -> Servable:
    facts = detect_format(folder).inspect(folder, ModelHints())
    with artifacts.workspace() as workspace:
        pack(folder, workspace / "model.zip")
        digest = artifacts.publish(workspace / "model.zip")
    return Servable(new_id("mdl"), folder.name, 1, digest, facts)


def _png(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
