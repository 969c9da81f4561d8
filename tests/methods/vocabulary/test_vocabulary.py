"""Giving a model a tokenizer of another language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.domain.errors.methods import TooLittleText
from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import TextPairs, texts_of
from app.learn.inference import predict
from app.learn.network import Network
from app.methods.contract import MethodInput, MethodOutput
from app.methods.vocabulary.method import run
from app.methods.vocabulary.spec import VocabularyParameters
from tests.support.ciphers import an_english_classifier, commands_in_cipher, words
from tests.support.datasets import labelled_examples
from tests.support.tokenizers import KINDS, a_classifier_reading, a_tokenizer

FORMAT = HuggingFaceFormat()
CIPHER = commands_in_cipher()
GERMAN = texts_of(labelled_examples(54, "de").inputs)


@pytest.fixture(scope="module", params=KINDS)
def classifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / str(request.param)
    return an_english_classifier(folder, request.param)


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return an_english_classifier(tmp_path_factory.mktemp("models") / "english")


def loaded(folder: Path) -> Network:
    return FORMAT.load(folder, FORMAT.inspect(folder, ModelHints()))


def transferred(network: Network, texts: list[str], **given: Any) -> MethodOutput:
    chosen = VocabularyParameters(**given.pop("chosen", {}))
    return run(MethodInput(network, chosen, unlabelled=texts, **given), NullMonitor())


def accuracy(network: Network) -> float:
    return float((predict(network, CIPHER.inputs).argmax(axis=1) == CIPHER.targets).mean())


def test_a_dictionary_carries_the_answers_over_without_any_label(classifier: Path) -> None:
    texts = texts_of(CIPHER.inputs)
    untouched = accuracy(loaded(classifier))
    drawn = transferred(loaded(classifier), texts, chosen={"initialisation": "random"})
    informed = transferred(loaded(classifier), texts, dictionary=words())
    assert accuracy(informed.network) > max(untouched, accuracy(drawn.network), 0.8)


def test_the_new_tokenizer_cuts_the_language_into_fewer_tokens(classifier: Path) -> None:
    told = transferred(loaded(classifier), texts_of(CIPHER.inputs)).report["tokens_per_word"]
    assert told["after"] < 0.7 * told["before"]


def test_what_is_saved_answers_alike(classifier: Path, tmp_path: Path) -> None:
    network = transferred(loaded(classifier), GERMAN).network
    FORMAT.save(network, FORMAT.inspect(classifier, ModelHints()), tmp_path)
    np.testing.assert_allclose(
        predict(loaded(tmp_path), GERMAN), predict(network, GERMAN), atol=1e-6
    )


def test_shared_tokens_keep_their_rows_and_special_ones_too(classifier: Path) -> None:
    before = loaded(classifier).vocabulary()
    after = transferred(loaded(classifier), GERMAN).network.vocabulary()
    old, new = before.tokenizer.get_vocab(), after.tokenizer.get_vocab()
    shared = set(old) & set(new)
    assert {"<s>", "<pad>", "</s>", "<unk>", "<mask>"} < shared
    assert all(torch.equal(before.rows[old[name]], after.rows[new[name]]) for name in shared)


def test_masked_training_lowers_the_loss_on_texts_held_out(english: Path) -> None:
    network = loaded(english)
    heads = [p.detach().clone() for p in network.head_parameters()]
    chosen = {"rows_steps": 40, "all_steps": 20, "learning_rate": 1e-3, "rows_learning_rate": 1e-2}
    output = transferred(network, 4 * texts_of(CIPHER.inputs), dictionary=words(), chosen=chosen)
    losses = output.report["masked_loss"]
    assert losses["all"] < losses["before"] - 0.5
    assert {line["stage"] for line in output.history} == {"rows", "all"}
    assert all(map(torch.equal, heads, output.network.head_parameters()))


def test_rows_alone_are_trained_where_the_body_is_to_stay(english: Path) -> None:
    before = dict(loaded(english).named_parameters())
    output = transferred(loaded(english), GERMAN, chosen={"rows_steps": 5})
    changed = {
        name
        for name, parameter in output.network.named_parameters()
        if not torch.equal(parameter, before[name])
        if parameter.shape == before[name].shape
    }
    assert not changed


def test_dictionary_words_that_are_missing_are_counted(english: Path) -> None:
    network = loaded(english)
    pairs = TextPairs(("play", "ξ", "song"), ("spiele", "Lied", "☃"))
    told = transferred(network, GERMAN, dictionary=pairs).report["dictionary"]
    assert told["pairs"] == 3
    assert told["used"] == 1
    assert told["unknown_to_the_source"] == told["unknown_to_the_target"] == 1


def test_too_little_text_for_the_vocab_size_is_refused_with_the_number(
    english: Path,
) -> None:
    network = loaded(english)
    with pytest.raises(TooLittleText) as caught:
        transferred(network, GERMAN, chosen={"vocab_size": 20_000})
    most = caught.value.fields["found"]
    output = transferred(network, GERMAN, chosen={"vocab_size": most})
    assert output.report["rows"]["after"] == most


def test_an_auxiliary_models_tokenizer_is_taken_as_it_is(english: Path, tmp_path: Path) -> None:
    tokenizer = a_tokenizer("unigram", GERMAN)
    auxiliary_model = loaded(a_classifier_reading(tmp_path / "german", tokenizer))
    network = loaded(english)
    output = transferred(network, GERMAN, auxiliary_model=auxiliary_model)
    ours = output.network.vocabulary()
    assert ours.tokenizer.encode(GERMAN[0]).ids == tokenizer.encode(GERMAN[0]).ids
    assert ours.named["pad_token_id"] == tokenizer.token_to_id("<pad>")
