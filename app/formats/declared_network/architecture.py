"""`architecture.json`: the input, the labels and the layers of a network, checked one by one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.domain.errors.declared_network import ArchitectureInvalid, LayerInvalid
from app.domain.models import ImageInput
from app.formats.declared_network import layers
from app.formats.declared_network.format import ARCHITECTURE_FILE
from app.formats.declared_network.image_input import read_image_input
from app.formats.declared_network.layers import Layer
from app.formats.json_file import read_json_object
from app.formats.labels import checked_labels

_MOST_LAYERS = 500
_KEYS = {"input", "labels", "layers"}


@dataclass(frozen=True)
class Architecture:
    """A checked `architecture.json`; `labels` are empty where it names none."""

    input: ImageInput
    labels: tuple[str, ...]
    layers: tuple[Layer, ...]


def read_architecture(folder: Path, hints: dict[str, Any]) -> Architecture:
    """Read the file; `hints` fill in what its `input` leaves open.

    Raises ArchitectureInvalid, LayerInvalid (which counts layers from 1) or FileInvalid.
    """
    content = read_json_object(folder / ARCHITECTURE_FILE)
    unknown = sorted(set(content) - _KEYS)
    if unknown:
        raise ArchitectureInvalid(f"it has {', '.join(unknown)}, which nothing reads")
    said = content.get("input", {})
    if not isinstance(said, dict):
        raise ArchitectureInvalid("`input` must be an object")
    return Architecture(
        input=read_image_input({**hints, **said}),
        labels=checked_labels(ARCHITECTURE_FILE, content.get("labels", [])),
        layers=_layers(content.get("layers")),
    )


def _layers(value: Any) -> tuple[Layer, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_LAYERS:
        raise ArchitectureInvalid(f"`layers` must be a list of 1 to {_MOST_LAYERS} layers")
    return tuple(_layer(number, one) for number, one in enumerate(value, start=1))


def _layer(number: int, value: Any) -> Layer:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in LAYER_KINDS:
        allowed = f"it must have a `type` out of {', '.join(sorted(LAYER_KINDS))}"
        raise LayerInvalid(number, str(kind), allowed)
    try:
        return LAYER_KINDS[kind].model_validate(value)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = str(first["loc"][0]) if first["loc"] else "the layer"
        raise LayerInvalid(number, kind, f"`{place}`: {first['msg']}") from None


def _kinds() -> dict[str, type[Layer]]:
    """Every `type` of every class in `layers`."""
    found: dict[str, type[Layer]] = {}
    for one in vars(layers).values():
        if isinstance(one, type) and issubclass(one, Layer) and one is not Layer:
            names = one.model_fields["type"].annotation
            found |= dict.fromkeys(names.__args__, one)  # type: ignore[union-attr]
    return found


LAYER_KINDS = _kinds()
