"""Puts `model.safetensors` into the layers that `architecture.json` declares."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from app.domain.errors.model_files import WeightsDoNotFit
from app.formats.weight_file import read_weight_file

# Batch norm's count of batches; older files lack it, and only a momentum of None would read it.
_OPTIONAL = "num_batches_tracked"


def read_weights(file: Path, layers: nn.Sequential) -> None:
    """Give `layers` (on the meta device) the file's tensors, float32 on the CPU.

    Tensors are named as `nn.Sequential` names them: `0.weight` is of the first layer. Raises
    FileMissing, FileInvalid, or WeightsDoNotFit, which names a tensor.
    """
    advice = "Write it with safetensors.torch.save_file(network.state_dict(), path)."
    found = read_weight_file(file, "holds the weights", advice)
    wanted = layers.state_dict()
    for name in wanted:
        if name.endswith(_OPTIONAL):
            found.setdefault(name, torch.tensor(0))
    _compare(file.name, found, wanted)
    weights = {name: t.float() if t.is_floating_point() else t for name, t in found.items()}
    layers.load_state_dict(weights, assign=True)
    layers.requires_grad_(True)


def _compare(file: str, found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    for name, tensor in wanted.items():
        if name not in found:
            raise WeightsDoNotFit(file, f"it lacks {name}, of layer {_layer(name)}")
        if found[name].shape != tensor.shape:
            has, needs = tuple(found[name].shape), tuple(tensor.shape)
            raise WeightsDoNotFit(file, f"{name} is {has}, but layer {_layer(name)} needs {needs}")
        if found[name].is_floating_point() != tensor.is_floating_point():
            raise WeightsDoNotFit(file, f"{name} holds {found[name].dtype}")
    surplus = sorted(set(found) - set(wanted))
    if surplus:
        raise WeightsDoNotFit(file, f"no layer has {', '.join(surplus[:3])}")


def _layer(name: str) -> int:
    """The layer that a tensor is of, counted from 1 as in error messages."""
    return int(name.split(".")[0]) + 1
