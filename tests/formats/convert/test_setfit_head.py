"""`babelport convert` on SetFit directories: the same answers, without the pickle."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from sklearn.neighbors import KNeighborsClassifier

from app.artifacts.archive import unpack
from app.domain.enums import Task
from app.domain.errors import BabelportError
from app.domain.models import ModelFacts
from app.formats.catalog import detect_format
from app.formats.convert.convert_model import convert_model
from app.formats.convert.torch_files import ConversionRequest
from app.formats.read_model import read_model
from tests.support.models import SENTENCES
from tests.support.setfit_models import a_setfit_directory, setfit_vectors

TEXTS = [*SENTENCES, "wake the band up", "rain", "saa saba"]
TRUSTED = ConversionRequest(trust=True)


def _converted(source: Path, target: Path) -> tuple[ModelFacts, np.ndarray]:
    """The facts of the upload that the conversion wrote, and its logits for TEXTS."""
    convert_model(source, target, TRUSTED)
    folder = target.with_name("read")
    hints = {"labels": [], "input": {}}
    facts = TypeAdapter(ModelFacts).validate_python(
        read_model(str(target), target.name, hints, str(folder), 10**8, 100)
    )
    network = detect_format(folder).load(folder, facts)
    with torch.no_grad():
        return facts, network(network.collate(TEXTS)).numpy()


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("labels", [("alarm", "music", "weather"), ("off", "on"), None])
def test_a_head_gives_the_probabilities_of_scikit_learn(
    labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    source = a_setfit_directory(tmp_path / "setfit", labels)
    facts, logits = _converted(source, tmp_path / "model.zip")
    head = joblib.load(source / "model_head.pkl")
    expected = head.predict_proba(setfit_vectors(source, TEXTS))
    assert len(set(expected.argmax(axis=1))) > 1
    np.testing.assert_allclose(_softmax(logits), expected, atol=1e-4)
    assert (facts.task, facts.labels) == (
        Task.TEXT_CLASSIFICATION,
        labels or ("alarm", "music", "weather"),
    )


def test_a_dense_layer_before_the_head_is_converted_with_it(tmp_path: Path) -> None:
    source = a_setfit_directory(tmp_path / "setfit", dense=True)
    _, logits = _converted(source, tmp_path / "model.zip")
    head = joblib.load(source / "model_head.pkl")
    expected = head.predict_proba(setfit_vectors(source, TEXTS))
    np.testing.assert_allclose(_softmax(logits), expected, atol=1e-4)


def test_a_head_of_several_labels_gives_the_probabilities_of_each(tmp_path: Path) -> None:
    source = a_setfit_directory(tmp_path / "setfit", several=True)
    facts, logits = _converted(source, tmp_path / "model.zip")
    head = joblib.load(source / "model_head.pkl")
    expected = head.predict_proba(setfit_vectors(source, TEXTS))
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), expected, atol=1e-4)
    assert facts.task is Task.MULTI_LABEL_CLASSIFICATION
    assert facts.labels == ("alarm", "music", "weather")


def test_the_head_itself_can_be_named_and_needs_trust(tmp_path: Path) -> None:
    head = a_setfit_directory(tmp_path / "setfit") / "model_head.pkl"
    with pytest.raises(BabelportError) as caught:
        convert_model(head, tmp_path / "model.zip", ConversionRequest())
    assert caught.value.code == "conversion-needs-trust"
    assert convert_model(head, tmp_path / "model.zip", TRUSTED).labels[0] == "alarm"
    unpack(tmp_path / "model.zip", tmp_path / "to", 10**8, 100)
    assert not list((tmp_path / "to").rglob("*.pkl"))


def test_another_head_and_another_pickle_are_refused_in_words(tmp_path: Path) -> None:
    source = a_setfit_directory(tmp_path / "setfit")
    other = KNeighborsClassifier(1).fit(np.eye(3), [0, 1, 2])
    joblib.dump(other, source / "model_head.pkl")
    joblib.dump(other, tmp_path / "model.joblib")
    for file in (source, tmp_path / "model.joblib"):
        with pytest.raises(BabelportError) as caught:
            convert_model(file, tmp_path / "model.zip", TRUSTED)
        assert caught.value.code == "conversion-failed"
        assert "KNeighborsClassifier" in caught.value.message
