"""Inspects, loads and saves networks of `model.safetensors` and `architecture.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from app.domain.enums import Format, Task
from app.domain.errors.model_files import WeightsDoNotFit, WeightsNotFinite
from app.domain.errors.model_formats import ArchitectureInvalid, LayerInvalid, NetworkTooLarge
from app.domain.models import ModelFacts, ModelHints
from app.formats.declared_network.architecture import (
    ARCHITECTURE_FILE,
    Architecture,
    Layer,
    read_architecture,
)
from app.formats.json_files import choose_labels
from app.formats.safetensors_files import read_weight_file
from app.learn.data.examples import Inputs
from app.learn.data.images import prepare_pixels
from app.learn.network import Batch, Network

WEIGHTS_FILE = "model.safetensors"
MAX_PARAMETERS = 500_000_000
MAX_ACTIVATIONS = 50_000_000
_DROPPED_LAYERS = ("Softmax", "LogSoftmax")
# Batch norm's count of batches; older files lack it, and only a momentum of None would read it.
_OPTIONAL = "num_batches_tracked"


def inspect_folder(folder: Path, hints: ModelHints) -> ModelFacts:
    """The facts; raises a `RejectedFile`."""
    architecture = read_architecture(folder, hints.input)
    _, outputs = build_on_meta_device(architecture)
    labels = choose_labels(architecture.labels, hints.labels, outputs)
    network = _build_network(folder, architecture, labels)
    _check_finite(network)
    return ModelFacts(
        format=Format.DECLARED_NETWORK,
        task=Task.IMAGE_CLASSIFICATION,
        labels=labels,
        input=architecture.input,
        architecture=", ".join(layer.type for layer in architecture.layers)[:500],
        parameters=sum(parameter.numel() for parameter in network.parameters()),
    )


def load(folder: Path, facts: ModelFacts) -> Network:
    """The trainable network, float32, on the CPU, in eval mode, with the labels of `facts`."""
    # What the file leaves open the user said at registration, and the facts kept.
    architecture = read_architecture(folder, asdict(facts.input))
    return _build_network(folder, architecture, facts.labels)


def save(network: Network, facts: ModelFacts, folder: Path) -> None:
    """Write both files into an empty folder, the weights as float32."""
    if not isinstance(network, DeclaredNetwork):
        raise TypeError(f"A {type(network).__name__} is no declared network.")
    weights = {name: t.contiguous() for name, t in network.layers.state_dict().items()}
    save_file(weights, folder / WEIGHTS_FILE)
    architecture = network.architecture
    content = {
        "input": asdict(architecture.input),
        "labels": list(network.labels),
        "layers": [layer.model_dump(exclude_defaults=True) for layer in architecture.layers],
    }
    text = json.dumps(content, ensure_ascii=False, indent=2)
    (folder / ARCHITECTURE_FILE).write_text(text, encoding="utf-8")


def _build_network(
    folder: Path, architecture: Architecture, labels: tuple[str, ...]
) -> DeclaredNetwork:
    layers, _ = build_on_meta_device(architecture)
    read_weights(folder / WEIGHTS_FILE, layers)
    network = DeclaredNetwork(layers, architecture, labels)
    network.eval()
    return network


def _check_finite(network: DeclaredNetwork) -> None:
    shape = network.architecture.input
    with torch.no_grad():
        logits = network({"pixels": torch.rand(2, shape.channels, shape.height, shape.width)})
    if not bool(torch.isfinite(logits).all()):
        raise WeightsNotFinite


class DeclaredNetwork(Network):
    """The layers in a row; features are what enters the last one, float (n, width)."""

    def __init__(
        self, layers: nn.Sequential, architecture: Architecture, labels: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.layers = layers
        self.architecture = architecture
        self.labels = labels

    def collate(self, inputs: Inputs) -> Batch:
        """`pixels` float32 (n, channels, height, width)."""
        return {"pixels": prepare_pixels(np.asarray(inputs), self.architecture.input)}

    def lengths(self, inputs: Inputs) -> list[int]:
        """1 for each image."""
        return [1] * len(inputs)

    def features(self, batch: Batch) -> Tensor:
        """What enters the last layer: float (n, width)."""
        body: nn.Module = self.layers[:-1]
        features: Tensor = body(batch["pixels"])
        return features

    def head(self, features: Tensor) -> Tensor:
        """Logits float32 (n, classes)."""
        last: nn.Module = self.layers[-1]
        logits: Tensor = last(features)
        return logits.float()

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """The last layer's weight and bias."""
        return self.layers[-1].parameters()

    def add_head(self, labels: tuple[str, ...]) -> None:
        """Refused: a classifier has its head."""
        raise ValueError("This network has a head already.")

    def body_settings(self) -> str:
        """The declared layers and preparation of images."""
        return f"declared {self.architecture.input} {self.architecture.layers[:-1]}"

    def reset(self) -> None:
        """Draw every parameter anew, as torch initialises each kind of layer."""
        for layer in self.layers:
            draw = getattr(layer, "reset_parameters", None)
            if callable(draw):
                draw()


def build_on_meta_device(architecture: Architecture) -> tuple[nn.Sequential, int]:
    """The layers on torch's meta device, and the number of outputs.

    Nothing is allocated until shapes and sizes are known to be sound. Raises LayerInvalid with
    the number of the layer that fails, NetworkTooLarge, or ArchitectureInvalid.
    """
    layers = architecture.layers
    if layers[-1].type in _DROPPED_LAYERS:
        layers = layers[:-1]
    shape = architecture.input
    # Two images, since batch norm would refuse to train on one of a single pixel.
    values = torch.empty(2, shape.channels, shape.height, shape.width, device="meta")
    network = nn.Sequential()
    for number, layer in enumerate(layers, start=1):
        module = _build_layer(number, layer)
        network.append(module)
        values = _trace_shape(number, layer, module, values)
        _check_size(number, network, values)
    return network, _count_outputs(layers, values)


def _build_layer(number: int, layer: Layer) -> nn.Module:
    if layer.type in _DROPPED_LAYERS:
        raise LayerInvalid(number, layer.type, "it may stand only at the end")
    arguments: dict[str, Any] = layer.arguments()
    try:
        with torch.device("meta"):
            module: nn.Module = getattr(nn, layer.type)(**arguments)
    except (ValueError, RuntimeError) as problem:
        raise LayerInvalid(number, layer.type, str(problem)) from None
    return module


def _trace_shape(
    number: int, layer: Layer, module: nn.Module, values: torch.Tensor
) -> torch.Tensor:
    try:
        outputs: torch.Tensor = module(values)
    except (ValueError, RuntimeError, NotImplementedError) as problem:
        shape = " x ".join(str(side) for side in values.shape[1:])
        reason = f"it does not take what enters, {shape} ({problem})"
        raise LayerInvalid(number, layer.type, reason[:500]) from None
    return outputs


def _check_size(number: int, network: nn.Sequential, values: torch.Tensor) -> None:
    if sum(parameter.numel() for parameter in network.parameters()) > MAX_PARAMETERS:
        raise NetworkTooLarge(number, "parameters", MAX_PARAMETERS)
    if values[0].numel() > MAX_ACTIVATIONS:
        raise NetworkTooLarge(number, "values for each image", MAX_ACTIVATIONS)


def _count_outputs(layers: tuple[Layer, ...], values: torch.Tensor) -> int:
    if not layers or layers[-1].type != "Linear":
        raise ArchitectureInvalid("the last layer must be Linear, one output for each label")
    if values.ndim != 2 or values.shape[1] < 2:
        raise ArchitectureInvalid("the network must end in one row of at least 2 outputs")
    return int(values.shape[1])


def read_weights(file: Path, layers: nn.Sequential) -> None:
    """Give `layers` (on the meta device) the file's tensors, float32 on the CPU.

    Tensors are named as `nn.Sequential` names them: `0.weight` is of the first layer. Raises
    FileMissing, FileInvalid, or WeightsDoNotFit, which names a tensor.
    """
    advice = "Write it with safetensors.torch.save_file(network.state_dict(), path)."
    found = read_weight_file(file, "holds the weights", advice)
    expected = layers.state_dict()
    for name in expected:
        if name.endswith(_OPTIONAL):
            found.setdefault(name, torch.tensor(0))
    _check_shapes(file.name, found, expected)
    weights = {name: t.float() if t.is_floating_point() else t for name, t in found.items()}
    layers.load_state_dict(weights, assign=True)
    layers.requires_grad_(True)


def _check_shapes(file: str, found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name, tensor in expected.items():
        if name not in found:
            raise WeightsDoNotFit(file, f"it lacks {name}, of layer {_layer_number(name)}")
        if found[name].shape != tensor.shape:
            has, needs = tuple(found[name].shape), tuple(tensor.shape)
            raise WeightsDoNotFit(
                file, f"{name} is {has}, but layer {_layer_number(name)} needs {needs}"
            )
        if found[name].is_floating_point() != tensor.is_floating_point():
            raise WeightsDoNotFit(file, f"{name} holds {found[name].dtype}")
    surplus = sorted(set(found) - set(expected))
    if surplus:
        raise WeightsDoNotFit(file, f"no layer has {', '.join(surplus[:3])}")


def _layer_number(name: str) -> int:
    """The layer that a tensor is of, counted from 1 as in error messages."""
    return int(name.split(".")[0]) + 1
