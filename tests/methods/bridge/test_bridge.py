"""What `bridge` does with a tiny English classifier and an encoder that knows German as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.domain.enums import Task
from app.domain.errors.methods import (
    AuxiliaryModelNotEncoder,
    NothingToBridge,
    TooFewRowsForMap,
    TooFewRowsToCentre,
)
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples
from app.learn.inference import predict
from app.learn.network import Network
from app.methods.bridge.method import run
from app.methods.bridge.spec import BridgeParameters
from app.methods.contract import MethodInput, MethodOutput, method_named, run_of
from tests.support.bilingual import (
    ENGLISH,
    GERMAN,
    a_bilingual_classifier,
    a_bilingual_encoder,
    an_english_classifier,
    an_english_encoder,
)
from tests.support.bridged_models import read_network, save_network
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    an_english_classifier(made / "english")
    an_english_encoder(made / "english-encoder")
    a_bilingual_encoder(made / "bilingual")
    a_bilingual_classifier(made / "bilingual-classifier")
    return made


def bridged(
    model: Path,
    auxiliary_model: Path | None,
    parameters: dict[str, Any] | None = None,
    **roles: Any,
) -> MethodOutput:
    roles = {"source": ENGLISH} | roles
    given = MethodInput(
        network=read_network(model),
        auxiliary_model=read_network(auxiliary_model) if auxiliary_model else None,
        parameters=BridgeParameters.model_validate(parameters or {}),
        source_language="en",
        target_language="de",
        **roles,
    )
    return run(given, NullMonitor())


def accuracy(network: Network, rows: Examples) -> float:
    return float(np.mean(predict(network, rows.inputs).argmax(axis=1) == rows.targets))


def test_the_head_is_the_old_one_and_both_languages_are_answered(folder: Path) -> None:
    output = bridged(folder / "english", folder / "bilingual", unlabelled=GERMAN.inputs)
    old = read_network(folder / "english")
    assert accuracy(output.network, GERMAN) > accuracy(old, GERMAN) + 0.2
    assert accuracy(output.network, ENGLISH) > 0.8
    kept, features = [p.detach() for p in old.head_parameters()], torch.randn(4, 48)
    assert all(map(torch.equal, kept, output.network.head_parameters()))
    assert torch.allclose(output.network.head(features), old.head(features), atol=1e-6)
    assert output.rebuilt


def test_the_report_says_what_the_map_was_fitted_on_and_how_well_it_answers(folder: Path) -> None:
    report = bridged(folder / "english", folder / "bilingual", unlabelled=GERMAN.inputs).report
    assert (report["source_texts"], report["target_texts"]) == (54, 54)
    assert report["centred"] == ["en", "de"]
    assert report["map"]["rank"] == 32
    assert report["map"]["same_answer"] > 0.6


def test_english_answers_do_not_depend_on_which_language_is_centred(folder: Path) -> None:
    plain = bridged(folder / "english", folder / "bilingual").network
    centred = bridged(folder / "english", folder / "bilingual", unlabelled=GERMAN.inputs).network
    np.testing.assert_array_equal(predict(plain, ENGLISH.inputs), predict(centred, ENGLISH.inputs))


def test_an_encoder_of_its_own_gets_no_map_and_keeps_its_english_answers(folder: Path) -> None:
    source = folder / "bilingual-classifier"
    trained = read_network(source)
    output = bridged(source, source, unlabelled=GERMAN.inputs)
    assert output.report["map"] is None
    np.testing.assert_array_equal(
        predict(output.network, ENGLISH.inputs), predict(trained, ENGLISH.inputs)
    )


def test_a_model_without_auxiliary_model_is_centred_one_language_after_the_other(
    folder: Path, tmp_path: Path
) -> None:
    source = folder / "bilingual-classifier"
    first = bridged(source, None, unlabelled=GERMAN.inputs)
    save_network(first.network, source, tmp_path / "first")
    hindi = labelled_examples(54, "hi").inputs
    given = MethodInput(
        network=read_network(tmp_path / "first"),
        parameters=BridgeParameters(),
        source=ENGLISH,
        unlabelled=hindi,
        source_language="en",
        target_language="hi",
    )
    second = run(given, NullMonitor())
    assert second.report["centred"] == ["en", "de", "hi"]
    np.testing.assert_array_equal(
        predict(first.network, GERMAN.inputs), predict(second.network, GERMAN.inputs)
    )


def test_a_plain_encoder_becomes_one_in_the_old_space(folder: Path, tmp_path: Path) -> None:
    source = read_network(folder / "english-encoder")
    bare = read_network(a_bilingual_encoder(tmp_path / "bare", seed=9))
    given = MethodInput(
        bare, BridgeParameters(), source=ENGLISH, auxiliary_model=read_network(folder / "bilingual")
    )
    output = run(given, NullMonitor())
    assert output.network.labels == ()
    vectors = output.network.features(output.network.collate(ENGLISH.inputs))
    assert vectors.shape == (54, source.features(source.collate(["a"])).shape[1])
    assert torch.allclose(vectors.norm(dim=1), torch.ones(54), atol=1e-5)


@pytest.mark.parametrize("method", ["fine-tune", "joint"])
@pytest.mark.parametrize("strategy", ["head", "full"])
def test_the_result_can_be_trained_further_and_saved(
    folder: Path, tmp_path: Path, method: str, strategy: str
) -> None:
    made = bridged(folder / "english", folder / "bilingual", unlabelled=GERMAN.inputs).network
    spec = method_named(method)
    chosen = {"strategy": strategy, "max_steps": 30, "learning_rate": 1e-3}
    before = accuracy(made, GERMAN)
    given = MethodInput(made, spec.parameters.model_validate(chosen), train=GERMAN)
    given = replace(given, source=ENGLISH if method == "joint" else None)
    trained = run_of(spec)(given, NullMonitor()).network
    assert accuracy(trained, GERMAN) >= before
    save_network(trained, folder / "bilingual", tmp_path / "trained")
    np.testing.assert_allclose(
        predict(read_network(tmp_path / "trained"), GERMAN.inputs),
        predict(trained, GERMAN.inputs),
        atol=1e-6,
    )


def test_a_model_of_label_sets_stays_one(folder: Path, tmp_path: Path) -> None:
    several = {"problem_type": "multi_label_classification"}
    a_text_classifier(tmp_path / "sets", labels=LABELS, texts=ENGLISH.inputs, **several)
    output = bridged(tmp_path / "sets", folder / "bilingual")
    assert output.network.task is Task.MULTI_LABEL_CLASSIFICATION
    assert 0 <= output.report["map"]["same_answer"] <= 1
    save_network(output.network, folder / "bilingual", tmp_path / "saved")
    again = read_network(tmp_path / "saved")
    assert again.task is Task.MULTI_LABEL_CLASSIFICATION
    np.testing.assert_allclose(
        predict(again, GERMAN.inputs), predict(output.network, GERMAN.inputs), atol=1e-6
    )


def test_too_little_text_is_refused_with_the_number_needed(folder: Path) -> None:
    few = ENGLISH.take(np.arange(30))
    with pytest.raises(TooFewRowsForMap) as refused:
        bridged(folder / "english", folder / "bilingual", source=few)
    assert refused.value.fields == {"rows": 30, "needed": 33}
    bridged(folder / "english", folder / "bilingual", {"rank": 8}, source=few)
    with pytest.raises(TooFewRowsToCentre):
        bridged(folder / "english", folder / "bilingual", unlabelled=GERMAN.inputs[:5])


def test_an_auxiliary_model_with_a_body_inside_a_classifier_is_refused(folder: Path) -> None:
    with pytest.raises(AuxiliaryModelNotEncoder):
        bridged(folder / "bilingual-classifier", folder / "english")


def test_without_an_auxiliary_model_and_without_target_text_there_is_nothing_to_do(
    folder: Path,
) -> None:
    with pytest.raises(NothingToBridge):
        bridged(folder / "bilingual-classifier", None)
    with pytest.raises(NothingToBridge):
        bridged(
            folder / "bilingual-classifier", None, {"centring": False}, unlabelled=GERMAN.inputs
        )
