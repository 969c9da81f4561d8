"""A directory that plain transformers would answer from wrongly is one that it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, pipeline

from app.learn.network import Network
from tests.support.bridged_models import (
    a_bridged_classifier,
    a_bridged_encoder,
    a_centred_classifier,
    read_network,
    save_network,
)
from tests.support.models import INTENTS, SENTENCES, a_text_classifier, an_encoder

_NEED_MORE: dict[str, Callable[[Path], Path]] = {
    "bridged encoder": a_bridged_encoder,
    "bridged classifier": a_bridged_classifier,
    "centred classifier": a_centred_classifier,
    "encoder with a head": lambda folder: an_encoder(folder, labels=INTENTS),
}


@pytest.mark.parametrize("name", _NEED_MORE)
def test_what_answers_by_more_than_transformers_reads_is_refused_by_it(
    name: str, tmp_path: Path
) -> None:
    made = _NEED_MORE[name](tmp_path / "made")
    network = read_network(made)
    save_network(network, made, tmp_path / "saved")
    for opened in (
        lambda folder: pipeline("text-classification", model=folder),
        AutoModelForSequenceClassification.from_pretrained,
    ):
        with pytest.raises(ValueError, match="babelport_bert"):
            opened(str(tmp_path / "saved"))
    assert "format=onnx" in (tmp_path / "saved/README.md").read_text()
    assert torch.equal(_answers(read_network(tmp_path / "saved")), _answers(network))


def test_a_tokenizer_that_transformers_makes_is_read_under_own_names(tmp_path: Path) -> None:
    made = a_bridged_encoder(tmp_path / "made")
    file = made / "tokenizer_config.json"
    # A setting by which transformers has to make the tokenizer.
    file.write_text(json.dumps(json.loads(file.read_text()) | {"add_eos_token": True}))
    network = read_network(made)
    save_network(network, made, tmp_path / "saved")
    assert torch.equal(_answers(read_network(tmp_path / "saved")), _answers(network))


def test_what_transformers_answers_rightly_keeps_its_names(tmp_path: Path) -> None:
    made = a_text_classifier(tmp_path / "made")
    save_network(read_network(made), made, tmp_path / "saved")
    answer = pipeline("text-classification", model=str(tmp_path / "saved"), top_k=None)
    expected = {one["label"]: one["score"] for one in answer([SENTENCES[0]])[0]}
    found = _answers(read_network(tmp_path / "saved"))[0].softmax(0).tolist()
    assert expected == pytest.approx(dict(zip(INTENTS, found, strict=True)), abs=1e-5)
    config = json.loads((tmp_path / "saved/config.json").read_text())
    assert (config["model_type"], config["architectures"]) == (
        "bert",
        ["BertForSequenceClassification"],
    )


def _answers(network: Network) -> torch.Tensor:
    with torch.no_grad():
        return network(network.collate(list(SENTENCES)))
