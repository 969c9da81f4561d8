"""Converts what torch.save wrote: weights with an architecture.json, or a whole module."""

from __future__ import annotations

import json
import pickle  # only for the error that torch.load raises
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from app.domain.errors.conversion import (
    ConversionFailed,
    ConversionNeedsArchitecture,
    ConversionNeedsTrust,
)
from app.domain.errors.model_files import WeightsDoNotFit
from app.formats.convert.export_module import export_module
from app.formats.convert.wishes import Wishes
from app.formats.declared_network.architecture import read_architecture
from app.formats.declared_network.format import ARCHITECTURE_FILE, WEIGHTS_FILE
from app.formats.declared_network.shapes import build_without_memory

# Under these names training scripts put the weights beside the optimiser's state.
_NESTED = ("state_dict", "model_state_dict", "model", "net", "network")


def convert_pytorch_file(source: Path, folder: Path, wishes: Wishes) -> None:
    """Write a declared network from weights, or an ONNX file from a whole module.

    Weights are read without running code; a whole module only with `wishes.trust`.
    """
    convert_content(_read(source, wishes.trust), source, folder, wishes)


def convert_content(content: Any, source: Path, folder: Path, wishes: Wishes) -> None:
    """The same of what was read from `source`."""
    if isinstance(content, nn.Module) and wishes.architecture is None:
        export_module(content, folder, wishes)
        return
    weights = content.state_dict() if isinstance(content, nn.Module) else _weights(content)
    if weights is None:
        advice = "Save network.state_dict() with torch.save, and convert that."
        reason = f"it holds a {type(content).__name__}, neither weights nor a PyTorch module."
        raise ConversionFailed(str(source), reason, advice)
    if wishes.architecture is None:
        raise ConversionNeedsArchitecture(str(source))
    _write_declared(weights, wishes.architecture, folder, wishes)


def _read(source: Path, trust: bool) -> Any:
    try:
        return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not trust:
            raise ConversionNeedsTrust(str(source), "a pickle of more than weights") from error
    except (RuntimeError, EOFError, OSError) as error:
        advice = "Check that the file is complete and was written by torch.save."
        raise ConversionFailed(str(source), f"{error}".split("\n")[0], advice) from error
    return torch.load(source, map_location="cpu", weights_only=False)


def _weights(content: Any) -> dict[str, Tensor] | None:
    """The tensors by name, also where they lie one level deeper."""
    if not isinstance(content, Mapping):
        return None
    if content and all(isinstance(value, Tensor) for value in content.values()):
        return dict(content)
    nested = [content[name] for name in _NESTED if isinstance(content.get(name), Mapping)]
    return _weights(nested[0]) if nested else None


def _write_declared(
    weights: dict[str, Tensor], architecture: Path, folder: Path, wishes: Wishes
) -> None:
    said = json.loads(architecture.read_text(encoding="utf-8"))
    if wishes.labels and isinstance(said, dict):
        said.setdefault("labels", list(wishes.labels))
    (folder / ARCHITECTURE_FILE).write_text(json.dumps(said, indent=2), encoding="utf-8")
    layers, _ = build_without_memory(read_architecture(folder, wishes.input))
    named = _renamed(weights, layers.state_dict())
    save_file(
        {name: t.detach().contiguous().clone() for name, t in named.items()}, folder / WEIGHTS_FILE
    )


def _renamed(weights: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the names of the layers, which the user's own network may not have.

    Names that fit are kept; otherwise the order must fit, shape by shape.
    """
    if weights.keys() == wanted.keys():
        return weights
    ours, theirs = list(wanted.items()), list(weights.items())
    for (_, tensor), (name, found) in zip(ours, theirs, strict=False):
        if tensor.shape != found.shape:
            has, needs = tuple(found.shape), tuple(tensor.shape)
            raise WeightsDoNotFit("the file", f"{name} is {has} where the layers need {needs}")
    if len(ours) != len(theirs):
        counts = f"it has {len(theirs)} tensors where the layers need {len(ours)}"
        raise WeightsDoNotFit("the file", counts)
    return {name: found for (name, _), (_, found) in zip(ours, theirs, strict=True)}
