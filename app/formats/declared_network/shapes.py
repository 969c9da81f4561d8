"""Builds the layers without memory and follows an image's shape through them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from app.domain.errors.declared_network import ArchitectureInvalid, LayerInvalid, NetworkTooLarge
from app.formats.declared_network.architecture import Architecture
from app.formats.declared_network.layers import Layer

MOST_PARAMETERS = 500_000_000
MOST_VALUES = 50_000_000
_LEFT_AWAY = ("Softmax", "LogSoftmax")


def build_without_memory(architecture: Architecture) -> tuple[nn.Sequential, int]:
    """The layers on torch's meta device, and the number of outputs.

    Nothing is allocated until shapes and sizes are known to be sound. Raises LayerInvalid with
    the number of the layer that fails, NetworkTooLarge, or ArchitectureInvalid.
    """
    layers = architecture.layers
    if layers[-1].type in _LEFT_AWAY:
        layers = layers[:-1]
    shape = architecture.input
    # Two images, since batch norm would refuse to train on one of a single pixel.
    values = torch.empty(2, shape.channels, shape.height, shape.width, device="meta")
    network = nn.Sequential()
    for number, layer in enumerate(layers, start=1):
        module = _build(number, layer)
        network.append(module)
        values = _follow(number, layer, module, values)
        _check_size(number, network, values)
    return network, _outputs(layers, values)


def _build(number: int, layer: Layer) -> nn.Module:
    if layer.type in _LEFT_AWAY:
        raise LayerInvalid(number, layer.type, "it may stand only at the end")
    arguments: dict[str, Any] = layer.arguments()
    try:
        with torch.device("meta"):
            module: nn.Module = getattr(nn, layer.type)(**arguments)
    except (ValueError, RuntimeError) as problem:
        raise LayerInvalid(number, layer.type, str(problem)) from None
    return module


def _follow(number: int, layer: Layer, module: nn.Module, values: torch.Tensor) -> torch.Tensor:
    try:
        answer: torch.Tensor = module(values)
    except (ValueError, RuntimeError, NotImplementedError) as problem:
        entered = " x ".join(str(side) for side in values.shape[1:])
        reason = f"it does not take what enters, {entered} ({problem})"
        raise LayerInvalid(number, layer.type, reason[:500]) from None
    return answer


def _check_size(number: int, network: nn.Sequential, values: torch.Tensor) -> None:
    if sum(parameter.numel() for parameter in network.parameters()) > MOST_PARAMETERS:
        raise NetworkTooLarge(number, "parameters", MOST_PARAMETERS)
    if values[0].numel() > MOST_VALUES:
        raise NetworkTooLarge(number, "values for each image", MOST_VALUES)


def _outputs(layers: tuple[Layer, ...], values: torch.Tensor) -> int:
    if not layers or layers[-1].type != "Linear":
        raise ArchitectureInvalid("the last layer must be Linear, one output for each label")
    if values.ndim != 2 or values.shape[1] < 2:
        raise ArchitectureInvalid("the network must end in one row of at least 2 outputs")
    return int(values.shape[1])
