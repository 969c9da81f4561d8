"""Hugging Face directories that cannot be used, and what is said of each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from app.domain.errors import RejectedFile
from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from tests.support.models import INTENTS, a_text_classifier, an_encoder, an_image_classifier_hf

Build = Callable[[Path], Path]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    a_text_classifier(folder / "texts")
    an_encoder(folder / "encoder", labels=INTENTS)
    an_image_classifier_hf(folder / "images")
    return folder


@pytest.fixture
def copied(originals: Path, tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(originals / name, tmp_path / name))


def change(file: Path, **values: Any) -> None:
    content = json.loads(file.read_text(encoding="utf-8")) | values
    file.write_text(json.dumps(content), encoding="utf-8")


def change_weights(file: Path, act: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    weights = load_file(file)
    act(weights)
    file.unlink()
    save_file(weights, file, metadata={"format": "pt"})


def refusal(folder: Path, hints: ModelHints = ModelHints()) -> RejectedFile:
    with pytest.raises(RejectedFile) as caught:
        HuggingFaceFormat().inspect(folder, hints)
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"architectures": ["GPT2LMHeadModel"], "is_encoder_decoder": True}, "sequence-to"),
        ({"architectures": ["LlamaForCausalLM"]}, "LlamaForCausalLM"),
        ({"problem_type": "regression"}, "regression"),
        ({"id2label": {"0": "score"}, "label2id": {"score": 0}}, "single output"),
    ],
)
def test_another_task_is_refused_by_its_name(
    copied: Callable[[str], Path], config: dict[str, Any], found: str
) -> None:
    folder = copied("texts")
    change(folder / "config.json", **config)
    problem = refusal(folder)
    assert problem.code == "task-unsupported"
    assert found in problem.message


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_directory_with_its_own_code_is_refused(copied, name: str) -> None:
    folder = copied("texts")
    change(folder / name, auto_map={"AutoModel": "modeling.Net"})
    assert refusal(folder).code == "format-runs-code"


@pytest.mark.parametrize(
    "config",
    [
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"model_type": "no-such-network"},
        {"attn_implementation": "somebody/kernels"},
    ],
)
def test_an_architecture_that_needs_more_than_is_here_is_refused(copied, config) -> None:
    folder = copied("texts")
    change(folder / "config.json", **config)
    assert refusal(folder).code in {"architecture-unsupported", "model-file-invalid"}


@pytest.mark.parametrize(
    ("model", "file"),
    [
        ("texts", "tokenizer.json"),
        ("texts", "model.safetensors"),
        ("images", "preprocessor_config.json"),
        ("encoder", "head.safetensors"),
    ],
)
def test_a_missing_file_is_named(copied, model: str, file: str) -> None:
    folder = copied(model)
    (folder / file).unlink()
    problem = refusal(folder)
    assert (problem.code, problem.fields["file"]) == ("model-file-missing", file)


def test_an_index_that_reaches_outside_is_refused(copied) -> None:
    folder = copied("texts")
    index = {"metadata": {}, "weight_map": {"a": "../texts/model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert refusal(folder).code == "model-file-missing"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"a": 1}'])
def test_a_damaged_configuration_is_refused(copied, content: bytes) -> None:
    folder = copied("texts")
    (folder / "config.json").write_bytes(content)
    assert refusal(folder).code == "model-file-invalid"


@pytest.mark.parametrize("file", ["model.safetensors", "head.safetensors", "tokenizer.json"])
def test_a_truncated_file_is_refused(copied, file: str) -> None:
    folder = copied("encoder")
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: len(content) // 2])
    assert refusal(folder).code == "model-file-invalid"


def test_weights_of_another_shape_are_refused(copied) -> None:
    folder = copied("texts")
    change(folder / "config.json", hidden_size=64)
    assert refusal(folder).code == "weights-do-not-fit"


def test_missing_weights_are_refused_by_name(copied) -> None:
    folder = copied("texts")
    change_weights(folder / "model.safetensors", lambda weights: weights.pop("classifier.weight"))
    problem = refusal(folder)
    assert problem.code == "weights-do-not-fit"
    assert "classifier.weight" in problem.message


def test_weights_that_are_no_numbers_are_refused(copied) -> None:
    for name, tensor in (("texts", "classifier.bias"), ("encoder", "embeddings.LayerNorm.bias")):
        folder = copied(name)
        change_weights(folder / "model.safetensors", lambda w, t=tensor: w[t].fill_(float("nan")))
        assert refusal(folder).code == "weights-not-finite"


def test_a_head_of_another_width_is_refused(copied) -> None:
    folder = copied("encoder")
    save_file({"weight": torch.zeros(3, 5), "bias": torch.zeros(3)}, folder / "head.safetensors")
    assert refusal(folder).code == "weights-do-not-fit"


@pytest.mark.parametrize(
    "head",
    [{"pooling": "mid"}, {"unknown": 1}, {"labels": ["a", "a", "b"]}, {"labels": ["", "a", "b"]}],
)
def test_a_wrong_head_description_is_refused(copied, head: dict[str, Any]) -> None:
    folder = copied("encoder")
    change(folder / "head.json", **head)
    assert refusal(folder).code == "model-file-invalid"


def test_a_tokenizer_without_padding_is_refused(copied) -> None:
    folder = copied("texts")
    (folder / "tokenizer_config.json").write_text("{}")
    change(folder / "config.json", pad_token_id=None)
    problem = refusal(folder)
    assert "padding token" in problem.message


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c", "d"), ("a", "a", "b")])
def test_labels_that_do_not_fit_the_outputs_are_refused(copied, labels: tuple[str, ...]) -> None:
    folder = copied("texts")
    change(folder / "config.json", id2label={str(n): f"LABEL_{n}" for n in range(3)})
    assert refusal(folder, ModelHints(labels=labels)).code == "labels-do-not-fit"


@pytest.mark.parametrize(
    "preparation",
    [{"size": "large"}, {"size": {}}, {"image_mean": [0.5, 0.5]}, {"size": 100_000}],
)
def test_an_unclear_preparation_is_refused(copied, preparation: dict[str, Any]) -> None:
    folder = copied("images")
    change(folder / "preprocessor_config.json", **preparation)
    assert refusal(folder).code == "model-file-invalid"


def test_an_image_encoder_without_a_head_is_refused(copied) -> None:
    folder = copied("images")
    change(folder / "config.json", architectures=["ViTModel"])
    assert refusal(folder).code == "task-unsupported"
