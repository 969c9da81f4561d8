"""Declared networks that cannot be used, and the layer that is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from app.domain.errors import RejectedFile
from app.domain.models import ImageInput, ModelHints
from app.formats.catalog import DeclaredNetworkFormat
from app.formats.declared_network.architecture import LAYER_KINDS
from tests.support.models import DIGITS, a_declared_digit_reader

Layers = list[dict[str, Any]]
FORMAT = DeclaredNetworkFormat()
EVERY_LAYER: Layers = [
    {"type": "ZeroPad2d", "padding": [1, 1, 2, 2]},
    {"type": "Conv2d", "in_channels": 3, "out_channels": 8, "kernel_size": [3, 5],
     "padding": "same", "padding_mode": "reflect", "bias": False},
    {"type": "BatchNorm2d", "num_features": 8},
    {"type": "PReLU", "num_parameters": 8},
    {"type": "MaxPool2d", "kernel_size": 2, "ceil_mode": True},
    {"type": "Conv2d", "in_channels": 8, "out_channels": 8, "kernel_size": 3, "groups": 8},
    {"type": "GroupNorm", "num_groups": 2, "num_channels": 8},
    {"type": "GELU", "approximate": "tanh"},
    {"type": "AvgPool2d", "kernel_size": 2, "stride": 1},
    {"type": "Dropout2d", "p": 0.1},
    {"type": "AdaptiveMaxPool2d", "output_size": [4, 4]},
    {"type": "AdaptiveAvgPool2d", "output_size": 2},
    {"type": "Flatten"},
    {"type": "LayerNorm", "normalized_shape": 32},
    {"type": "Linear", "in_features": 32, "out_features": 16, "bias": False},
    {"type": "BatchNorm1d", "num_features": 16},
    {"type": "LeakyReLU", "negative_slope": 0.2},
    {"type": "ELU"},
    *({"type": name} for name in ("Identity", "Sigmoid", "Tanh", "SiLU", "Mish")),
    *({"type": name} for name in ("ReLU", "ReLU6", "Hardswish")),
    {"type": "Dropout"},
    {"type": "Linear", "in_features": 16, "out_features": 2},
    {"type": "LogSoftmax", "dim": 1},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return a_declared_digit_reader(tmp_path / "digits")


def rewrite(folder: Path, act: Callable[[dict[str, Any]], Any]) -> None:
    file = folder / "architecture.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    act(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def refusal(folder: Path, hints: ModelHints = ModelHints()) -> RejectedFile:
    with pytest.raises(RejectedFile) as caught:
        FORMAT.inspect(folder, hints)
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize(
    ("number", "layer", "said"),
    [
        (2, {"type": "Exec"}, "Conv2d"),
        (2, {"type": "Module"}, "must have a `type`"),
        (2, "ReLU", "must have a `type`"),
        (1, {"type": "Conv2d", "in_channels": 1}, "out_channels"),
        (1, {"type": "Conv2d", "in_channels": 1, "out_channels": 9, "kernel_size": -1}, "kernel"),
        (2, {"type": "ReLU", "hook": "os.system"}, "hook"),
        (4, {"type": "Conv2d", "in_channels": 3, "out_channels": 32, "kernel_size": 5}, "16"),
        (4, {"type": "Conv2d", "in_channels": 16, "out_channels": 9, "kernel_size": 99}, "enters"),
        (4, {"type": "Conv2d", "in_channels": 16, "out_channels": 9, "kernel_size": 3, "groups": 5},
         "groups"),
        (8, {"type": "Linear", "in_features": 100, "out_features": 256}, "enters, 512"),
        (9, {"type": "Softmax", "dim": 1}, "only at the end"),
        (9, {"type": "BatchNorm2d", "num_features": 256}, "256"),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_be_is_named_by_its_number(
    folder: Path, number: int, layer: Any, said: str
) -> None:
    rewrite(folder, lambda content: content["layers"].__setitem__(number - 1, layer))
    problem = refusal(folder)
    assert (problem.code, problem.fields["layer"]) == ("layer-invalid", number)
    assert said in problem.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layers": []}, "layers"),
        ({"layers": [{"type": "Flatten"}] * 501}, "layers"),
        ({"layers": [{"type": "Flatten"}, {"type": "ReLU"}]}, "Linear"),
        ({"layers": [{"type": "Softmax", "dim": 1}]}, "Linear"),
        ({"code": "import os"}, "code"),
        ({"input": []}, "input"),
        ({"input": {"channels": 1, "height": 28}}, "input.width"),
        ({"input": {"channels": 1, "height": 28, "width": 99999}}, "input.width"),
        ({"input": {"channels": 1, "height": 28, "width": 28, "std": 0}}, "input.std"),
        ({"input": {"channels": 1, "height": 28, "width": 28, "mean": [0, 0]}}, "input.mean"),
    ],
)
def test_a_file_that_cannot_be_is_refused(folder: Path, change: dict[str, Any], said: str) -> None:
    rewrite(folder, lambda content: content.update(change))
    problem = refusal(folder)
    assert problem.code == "architecture-invalid"
    assert said in problem.message


def test_a_network_that_would_fill_the_memory_is_refused_before_it_is_built(folder: Path) -> None:
    wide = [
        {"type": "Flatten"},
        {"type": "Linear", "in_features": 784, "out_features": 60_000},
        {"type": "Linear", "in_features": 60_000, "out_features": 60_000},
    ]
    rewrite(folder, lambda content: content.update(layers=wide))
    problem = refusal(folder)
    assert (problem.code, problem.fields["layer"]) == ("network-too-large", 3)
    tall = {"type": "Conv2d", "in_channels": 1, "out_channels": 65_536, "kernel_size": 1,
            "padding": 0, "bias": False}  # fmt: skip
    rewrite(folder, lambda content: content.update(layers=[tall]))
    assert refusal(folder).code == "network-too-large"


def change_weights(folder: Path, act: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    act(weights)
    file.unlink()
    save_file(weights, file)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda weights: weights.pop("3.bias"), "3.bias, of layer 4"),
        (lambda weights: weights.update({"9.weight": torch.zeros(9, 256)}), "layer 10"),
        (lambda weights: weights.update({"11.weight": torch.zeros(1)}), "11.weight"),
        (lambda weights: weights.update({"9.bias": torch.zeros(10, dtype=torch.int32)}), "int32"),
    ],
)
def test_weights_that_do_not_fit_are_named_with_their_layer(
    folder: Path, act: Callable[[dict[str, torch.Tensor]], Any], said: str
) -> None:
    change_weights(folder, act)
    problem = refusal(folder)
    assert problem.code == "weights-do-not-fit"
    assert said in problem.message


def test_weights_that_are_missing_damaged_or_no_numbers_are_refused(folder: Path) -> None:
    change_weights(folder, lambda weights: weights["9.bias"].fill_(float("inf")))
    assert refusal(folder).code == "weights-not-finite"
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    assert refusal(folder).code == "model-file-invalid"
    file.unlink()
    assert refusal(folder).code == "model-file-missing"


def test_labels_come_from_the_file_then_from_the_user_then_from_counting(folder: Path) -> None:
    words = tuple(f"digit {n}" for n in range(10))
    assert FORMAT.inspect(folder, ModelHints(labels=words)).labels == DIGITS
    rewrite(folder, lambda content: content.pop("labels"))
    assert FORMAT.inspect(folder, ModelHints(labels=words)).labels == words
    assert FORMAT.inspect(folder, ModelHints()).labels == DIGITS
    assert refusal(folder, ModelHints(labels=words[:9])).code == "labels-do-not-fit"


def test_an_input_that_the_file_leaves_open_comes_from_the_user(folder: Path) -> None:
    rewrite(folder, lambda content: content.pop("input"))
    assert refusal(folder).code == "architecture-invalid"
    hints = ModelHints(input={"channels": 1, "height": 28, "width": 28, "mean": 0.5})
    facts = FORMAT.inspect(folder, hints)
    assert facts.input == ImageInput(1, 28, 28, (0.5,), (1.0,))
    assert FORMAT.load(folder, facts).labels == DIGITS


def test_a_softmax_at_the_end_is_left_away(folder: Path) -> None:
    facts = FORMAT.inspect(folder, ModelHints())
    pixels = {"pixels": torch.rand(2, 1, 28, 28)}
    plain = FORMAT.load(folder, facts)(pixels)
    rewrite(folder, lambda content: content["layers"].append({"type": "Softmax", "dim": 1}))
    assert torch.equal(FORMAT.load(folder, facts)(pixels), plain)


def test_every_allowed_layer_can_be_built_and_saved(tmp_path: Path) -> None:
    assert {layer["type"] for layer in EVERY_LAYER} | {"Softmax"} == set(LAYER_KINDS)
    torch.manual_seed(0)
    modules = [
        getattr(torch.nn, layer["type"])(**{k: v for k, v in layer.items() if k != "type"})
        for layer in EVERY_LAYER[:-1]
    ]
    network = torch.nn.Sequential(*modules).eval()
    shape = {"channels": 3, "height": 20, "width": 18}
    (tmp_path / "architecture.json").write_text(json.dumps({"input": shape, "layers": EVERY_LAYER}))
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    facts = FORMAT.inspect(tmp_path, ModelHints())
    loaded, images = FORMAT.load(tmp_path, facts), torch.rand(3, 3, 20, 18)
    assert torch.equal(loaded({"pixels": images}), network(images))
    (tmp_path / "again").mkdir()
    FORMAT.save(loaded, facts, tmp_path / "again")
    again = FORMAT.load(tmp_path / "again", FORMAT.inspect(tmp_path / "again", ModelHints()))
    assert torch.equal(again({"pixels": images}), network(images))
