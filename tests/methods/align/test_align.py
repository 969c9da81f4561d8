"""What `align` makes of two languages whose translations are known, and what it says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.domain.errors.methods import DictionaryMissing, DictionaryTooSmall
from app.domain.errors.model_formats import WidthsDiffer
from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import TextPairs
from app.learn.inference import predict
from app.learn.word_vectors import WordVectorNetwork
from app.methods.align.method import run
from app.methods.align.spec import AlignParameters
from app.methods.contract import MethodInput, MethodOutput
from tests.support.two_languages import two_languages
from tests.support.word_vectors import word_vectors

LANGUAGES = two_languages()


def _load(folder: Path) -> WordVectorNetwork:
    found = detect_format(folder)
    loaded = found.load(folder, found.inspect(folder, ModelHints()))
    assert isinstance(loaded, WordVectorNetwork)
    return loaded


@pytest.fixture
def source(tmp_path: Path) -> WordVectorNetwork:
    return _load(LANGUAGES.classifier(tmp_path / "source"))


@pytest.fixture
def target(tmp_path: Path) -> WordVectorNetwork:
    (tmp_path / "target").mkdir()
    LANGUAGES.target_vectors(tmp_path / "target" / "vectors.vec")
    return _load(tmp_path / "target")


def _align(
    source: WordVectorNetwork,
    target: WordVectorNetwork,
    dictionary: TextPairs | None,
    **chosen: Any,
) -> MethodOutput:
    parameters = AlignParameters.model_validate({"vocabulary": 300, "patience": 2, **chosen})
    method_input = MethodInput(
        network=source,
        parameters=parameters,
        dictionary=dictionary,
        auxiliary_model=target,
        source_language="en",
        target_language="de",
        seed=1,
    )
    return run(method_input, NullMonitor())


def test_one_model_answers_in_both_languages_and_forgets_nothing(
    source: WordVectorNetwork, target: WordVectorNetwork
) -> None:
    english, german = LANGUAGES.texts("w"), LANGUAGES.texts("v")
    before = predict(source, english.inputs)
    network = _align(source, target, LANGUAGES.dictionary(150)).network
    assert np.array_equal(predict(network, english.inputs), before)
    assert np.mean(predict(network, german.inputs).argmax(axis=1) == german.targets) > 0.9
    assert [one.language for one in network.vocabularies] == ["en", "de"]


def test_mapped_vectors_lie_where_the_translations_do(
    source: WordVectorNetwork, target: WordVectorNetwork
) -> None:
    """With their mean and their lengths, not only in the same direction."""
    network = _align(source, target, LANGUAGES.dictionary(150)).network
    mapped = network.vectors[network.vocabularies[1].rows]
    translations = torch.from_numpy(LANGUAGES.source)
    error = (mapped - translations).norm(dim=1).mean() / translations.norm(dim=1).mean()
    assert float(error) < 0.25


def test_the_report_counts_what_the_vectors_lack_and_what_was_held_out(
    source: WordVectorNetwork, target: WordVectorNetwork
) -> None:
    known = LANGUAGES.dictionary(150)
    pairs = TextPairs((*known.source, "dog", "w3"), (*known.target, "hund", "hunde"))
    report = _align(source, target, pairs).report
    assert report["dictionary"] == {
        "given": 152,
        "usable": 150,
        "coverage": round(150 / 152, 4),
        "missing_source": 1,
        "missing_target": 2,
        "fitted_on": 120,
        "held_out_words": 30,
    }
    scores = report["lexicon_induction"]["csls"]
    assert scores["words"] == 30
    assert scores["p_at_1"]["value"] > 0.9
    assert scores["p_at_1"]["low"] <= scores["p_at_1"]["value"] <= scores["p_at_10"]["high"]
    assert report["distance"]["after"] < 0.1 < report["distance"]["before"]
    assert report["words"] == {"source": 300, "target": 300, "in_both": 0}
    assert report["seed_dictionary"] == "dictionary"


def test_few_pairs_are_enough_to_learn_from_and_too_few_are_refused(
    source: WordVectorNetwork, target: WordVectorNetwork
) -> None:
    report = _align(source, target, LANGUAGES.dictionary(20)).report
    assert report["self_learning"]["rounds"] > 2
    with pytest.raises(DictionaryTooSmall) as refused:
        _align(source, target, LANGUAGES.dictionary(12), self_learning=False)
    assert refused.value.fields["needed"] == 12
    assert refused.value.fields["usable"] == 10
    with pytest.raises(DictionaryTooSmall) as refused:
        _align(source, target, TextPairs(("dog", "w1"), ("hund", "v1")))
    assert refused.value.fields["missing_source"] == 1


def test_without_a_dictionary_words_written_alike_are_one(
    source: WordVectorNetwork, tmp_path: Path
) -> None:
    names = [f"w{n}" if n < 40 else f"v{n}" for n in range(300)]
    folder = word_vectors(tmp_path / "alike", names, LANGUAGES.target)
    report = _align(source, _load(folder), None).report
    assert (report["seed_dictionary"], report["seed_pairs"]) == ("identical", 40)
    assert report["dictionary"] is None
    assert report["words"]["in_both"] == 40
    assert report["distance"]["after"] < 0.2


def test_what_cannot_be_done_is_refused(
    source: WordVectorNetwork, target: WordVectorNetwork, tmp_path: Path
) -> None:
    with pytest.raises(DictionaryTooSmall):
        _align(source, target, None)  # no word is written alike
    with pytest.raises(DictionaryMissing):
        _align(source, target, None, seed_dictionary="dictionary")
    narrow = _load(word_vectors(tmp_path / "narrow"))
    with pytest.raises(WidthsDiffer) as refused:
        _align(source, narrow, LANGUAGES.dictionary(150))
    assert refused.value.fields == {"source": 12, "target": 8}


def test_aligning_again_replaces_the_language(
    source: WordVectorNetwork, target: WordVectorNetwork
) -> None:
    once = _align(source, target, LANGUAGES.dictionary(150)).network
    assert isinstance(once, WordVectorNetwork)
    twice = _align(once, target, LANGUAGES.dictionary(150)).network
    assert [(one.language, len(one)) for one in twice.vocabularies] == [("en", 300), ("de", 300)]
    german = LANGUAGES.texts("v").inputs
    assert np.allclose(predict(twice, german), predict(once, german), atol=1e-5)
