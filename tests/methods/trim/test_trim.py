"""Cutting a model's vocabulary down to the languages it will serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from app.domain.errors.methods import TokenizerUnsupported, TooFewRowsKept
from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from app.learn.callbacks import NullMonitor
from app.learn.inference import predict
from app.learn.network import Network
from app.methods.contract import MethodInput, MethodOutput
from app.methods.tokenizer_json import read_subwords
from app.methods.trim.method import run
from app.methods.trim.spec import TrimParameters
from tests.support.datasets import labelled_examples
from tests.support.tokenizers import KINDS, a_classifier_reading, a_tokenizer

FORMAT = HuggingFaceFormat()
TEXTS = {code: list(labelled_examples(54, code).inputs) for code in ("en", "de", "hi")}
UNLABELLED = [str(text) for text in TEXTS["de"]]
RECOMBINED = ["wird das Lied heute klingeln", "spiele es am Sonntag", "wie warm ist das Album"]
OTHERS = ["Will it rain on Sunday?", "HAL9000 um sieben", "जैज़ संगीत बजाओ", "um <mask> Uhr", "?!"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def a_network(folder: Path, kind: str, family: str = "bert") -> Network:
    if not folder.exists():  # training a tokenizer twice does not give the same one
        tokenizer = a_tokenizer(kind, [str(text) for texts in TEXTS.values() for text in texts])
        a_classifier_reading(folder, tokenizer, family)
    return FORMAT.load(folder, FORMAT.inspect(folder, ModelHints()))


def trimmed(network: Network, **chosen: Any) -> MethodOutput:
    return run(MethodInput(network, TrimParameters(**chosen), unlabelled=UNLABELLED), NullMonitor())


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_texts_whose_tokens_are_kept_get_the_very_same_answers(
    kind: str, family: str, tmp_path: Path
) -> None:
    before = predict(a_network(tmp_path / "model", kind, family), UNLABELLED)
    output = trimmed(a_network(tmp_path / "model", kind, family))
    rows = output.report["rows"]
    assert rows["after"] < 0.9 * rows["before"]
    np.testing.assert_array_equal(predict(output.network, UNLABELLED), before)


def test_unseen_texts_are_tokenized_alike_wherever_their_tokens_were_kept(
    kind: str, tmp_path: Path
) -> None:
    before = a_network(tmp_path / "model", kind).vocabulary().tokenizer
    output = trimmed(a_network(tmp_path / "model", kind))
    after = output.network.vocabulary().tokenizer
    kept = set(after.get_vocab())
    unseen = [*RECOMBINED, *OTHERS, *map(str, TEXTS["en"]), *map(str, TEXTS["hi"])]
    alike = [text for text in unseen if kept.issuperset(before.encode(text).tokens)]
    assert len(alike) >= 3
    assert [after.encode(t).tokens for t in alike] == [before.encode(t).tokens for t in alike]


def test_each_kept_token_keeps_its_row(kind: str, tmp_path: Path) -> None:
    before = a_network(tmp_path / "model", kind).vocabulary()
    after = trimmed(a_network(tmp_path / "model", kind)).network.vocabulary()
    for token, number in after.tokenizer.get_vocab().items():
        assert torch.equal(after.rows[number], before.rows[before.tokenizer.token_to_id(token)])
    assert after.named["pad_token_id"] == after.tokenizer.token_to_id("<pad>")


def test_what_is_saved_is_read_alike_by_transformers_and_by_us(kind: str, tmp_path: Path) -> None:
    network = trimmed(a_network(tmp_path / "model", kind)).network
    folder = tmp_path / "saved"
    folder.mkdir()
    FORMAT.save(network, FORMAT.inspect(tmp_path / "model", ModelHints()), folder)
    again = FORMAT.load(folder, FORMAT.inspect(folder, ModelHints()))
    np.testing.assert_allclose(predict(again, OTHERS), predict(network, OTHERS), atol=1e-6)
    theirs = AutoTokenizer.from_pretrained(folder)
    ours = network.vocabulary().tokenizer
    assert [theirs(t).input_ids for t in OTHERS] == [ours.encode(t).ids for t in OTHERS]
    assert theirs.mask_token_id == ours.token_to_id("<mask>")
    config = json.loads((folder / "config.json").read_text())
    assert config["vocab_size"] == len(network.vocabulary().rows)


def test_room_that_is_left_goes_to_tokens_that_look_like_those_of_the_texts(tmp_path: Path) -> None:
    least = trimmed(a_network(tmp_path / "model", "unigram")).report["rows"]["after"]
    output = trimmed(a_network(tmp_path / "model", "unigram"), rows=least + 15)
    assert output.report["rows"]["after"] == least + 15
    assert output.report["rows_by_reason"]["alike"] == 15
    names = output.network.vocabulary().tokenizer.get_vocab()
    long = [name for name in names if len(name) > 1 and name not in ("HAL9000", "<mask>")]
    assert not [name for name in long if "\u0900" <= name[-1] <= "\u097f"]


def test_the_report_tells_how_much_of_held_out_texts_is_covered(tmp_path: Path) -> None:
    [told] = trimmed(a_network(tmp_path / "model", "unigram")).report["texts"]
    assert told["role"] == "unlabelled"
    assert told["tokens_kept"] == 1.0
    assert told["held_out"]["texts"] == len(UNLABELLED) // 10
    assert 0 < told["held_out"]["texts_unchanged"] <= 1


def test_fewer_rows_than_must_stay_are_refused_with_the_number(tmp_path: Path) -> None:
    with pytest.raises(TooFewRowsKept) as caught:
        trimmed(a_network(tmp_path / "model", "unigram"), rows=5)
    needed = caught.value.fields["needed"]
    output = trimmed(a_network(tmp_path / "model", "unigram"), rows=needed)
    assert output.report["rows"]["after"] == needed


def test_requested_characters_stay(tmp_path: Path) -> None:
    without = trimmed(a_network(tmp_path / "model", "unigram")).network.vocabulary()
    network = trimmed(a_network(tmp_path / "model", "unigram"), characters="आब").network
    assert without.tokenizer.token_to_id("आ") is None
    assert network.vocabulary().tokenizer.token_to_id("आ") is not None


def test_a_kind_of_tokenizer_that_is_not_known_is_refused() -> None:
    with pytest.raises(TokenizerUnsupported, match="Sentences"):
        read_subwords({"model": {"type": "Sentences"}, "added_tokens": []})
