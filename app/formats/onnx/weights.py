"""Which of a graph's constants are trained, and how they are drawn anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.formats.onnx.graph import Graph, Step
from app.formats.onnx.lineage import Lineage


class Kind(StrEnum):
    """What a constant does, which decides whether it is trained and how it is initialised."""

    WEIGHT = "weight"
    BIAS = "bias"
    SCALE = "scale"
    SHIFT = "shift"
    SLOPE = "slope"
    MEAN = "mean"  # running statistics are not trained, but change while training
    VARIANCE = "variance"


@dataclass(frozen=True)
class Weight:
    """A constant that training changes; `fan_in` is the number of inputs of each output."""

    name: str
    kind: Kind
    fan_in: int = 1

    @property
    def trained(self) -> bool:
        """Whether gradients change it."""
        return self.kind not in (Kind.MEAN, Kind.VARIANCE)


LINEAR = ("Conv", "Gemm", "MatMul")
_NORM = {1: Kind.SCALE, 2: Kind.SHIFT}
_PLACES: dict[str, dict[int, Kind]] = {
    "Conv": {1: Kind.WEIGHT, 2: Kind.BIAS},
    "Gemm": {1: Kind.WEIGHT, 2: Kind.BIAS},
    "MatMul": {0: Kind.WEIGHT, 1: Kind.WEIGHT},
    "BatchNormalization": {**_NORM, 3: Kind.MEAN, 4: Kind.VARIANCE},
    "LayerNormalization": _NORM,
    "InstanceNormalization": _NORM,
    "GroupNormalization": _NORM,
    "PRelu": {1: Kind.SLOPE},
}
# What these combine with an image that no layer has seen yet is the scaling of the input, which
# stays as it is; behind a layer it was trained like any weight.
_PLAIN = {"Add": Kind.SHIFT, "Mul": Kind.SCALE, "Concat": Kind.SHIFT}


def find_weights(graph: Graph, lineage: Lineage) -> dict[str, Weight]:
    """The constants that training changes, by name; the first use of a shared one counts."""
    found: dict[str, Weight] = {}
    for step in graph.steps:
        for place, kind in _places(step, lineage):
            fan_in = _fan_in(step, place, lineage)
            for name in lineage.origins(step.inputs[place]):
                if _is_tensor(graph.constants[name]):
                    found.setdefault(name, Weight(name, kind, fan_in))
    return found


def _places(step: Step, lineage: Lineage) -> Iterator[tuple[int, Kind]]:
    """The inputs of a step that weights may come in by."""
    table = _PLACES.get(step.operator, {})
    if step.operator in _PLAIN and any(lineage.behind_layer(name) for name in step.inputs):
        kind = _PLAIN[step.operator]
        if step.operator == "Add" and any(lineage.made_by(n) in LINEAR for n in step.inputs):
            kind = Kind.BIAS
        table = dict.fromkeys(range(len(step.inputs)), kind)
    for place, kind in table.items():
        if place < len(step.inputs) and lineage.origins(step.inputs[place]):
            yield place, kind


def _fan_in(step: Step, place: int, lineage: Lineage) -> int:
    """The number of inputs of each output of the layer that the constant belongs to."""
    if step.operator == "Add":
        makers = [m for name in step.inputs if (m := lineage.maker(name)) is not None]
        layers = [maker for maker in makers if maker.operator in LINEAR]
        return _fan_in(layers[0], 1, lineage) if layers else 1
    if step.operator not in LINEAR:
        return 1
    shape = lineage.shape(step.inputs[1 if step.operator != "MatMul" else place])
    if step.operator == "Conv":
        return int(np.prod(shape[1:]))
    if step.operator == "Gemm":
        return shape[1] if step.attributes.get("transB", 0) else shape[0]
    return shape[-2] if len(shape) > 1 else shape[0]


def _is_tensor(constant: np.ndarray) -> bool:
    return constant.dtype == np.float32 and constant.size > 1
