"""The Plan: a graph taken apart into body, head and weights, and its steps run with torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor

from app.domain.errors.model_formats import (
    OnnxCannotRun,
    OnnxHeadNotFound,
    OnnxNotAnImageClassifier,
    OnnxOperatorUnsupported,
)
from app.formats.onnx.graph import LAYER_OPERATORS, Graph, Step
from app.formats.onnx.layer_operators import CONVOLUTION, NORMALISATION, POOLING
from app.formats.onnx.tensor_operators import (
    ACTIVATION,
    ARITHMETIC,
    REDUCTION,
    SELECTION,
    SHAPING,
    Call,
    Operator,
)

# Operators that may stand between the softmax and the output without changing any number.
_SHAPE_ONLY = ("Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Dropout")
_NOT_LOGITS = {
    "Sigmoid": "it ends in a Sigmoid, which answers yes or no for each label by itself.",
    "HardSigmoid": "it ends in a HardSigmoid, which answers yes or no for each label by itself.",
    "ArgMax": "it ends in an ArgMax, which gives the label's number and no probabilities.",
}
LINEAR_OPERATORS = ("Conv", "Gemm", "MatMul")
# A class token, for instance, is repeated for each image: its numbers still come from constants.
_REPEATING = ("Expand", "Tile")
OPERATORS: dict[str, Operator] = {
    **ACTIVATION,
    **ARITHMETIC,
    **CONVOLUTION,
    **NORMALISATION,
    **POOLING,
    **REDUCTION,
    **SELECTION,
    **SHAPING,
}


class WeightKind(StrEnum):
    """What a constant does, which decides whether it is trained and how it is initialised."""

    WEIGHT = "weight"
    BIAS = "bias"
    SCALE = "scale"
    SHIFT = "shift"
    SLOPE = "slope"
    MEAN = "mean"  # running statistics are not trained, but change while training
    VARIANCE = "variance"


_NORM = {1: WeightKind.SCALE, 2: WeightKind.SHIFT}
_WEIGHT_INPUTS: dict[str, dict[int, WeightKind]] = {
    "Conv": {1: WeightKind.WEIGHT, 2: WeightKind.BIAS},
    "Gemm": {1: WeightKind.WEIGHT, 2: WeightKind.BIAS},
    "MatMul": {0: WeightKind.WEIGHT, 1: WeightKind.WEIGHT},
    "BatchNormalization": {**_NORM, 3: WeightKind.MEAN, 4: WeightKind.VARIANCE},
    "LayerNormalization": _NORM,
    "InstanceNormalization": _NORM,
    "GroupNormalization": _NORM,
    "PRelu": {1: WeightKind.SLOPE},
}
# What these combine with an image that no layer has seen yet is the scaling of the input, which
# stays as it is; behind a layer it was trained like any weight.
_OPERATORS_BEHIND_LAYERS = {
    "Add": WeightKind.SHIFT,
    "Mul": WeightKind.SCALE,
    "Concat": WeightKind.SHIFT,
}
_INITIAL_CONSTANTS = {
    WeightKind.SCALE: 1.0,
    WeightKind.SHIFT: 0.0,
    WeightKind.SLOPE: 0.25,
    WeightKind.MEAN: 0.0,
    WeightKind.VARIANCE: 1.0,
}


@dataclass(frozen=True)
class Weight:
    """A constant that training changes; `fan_in` is the number of inputs of each output."""

    name: str
    kind: WeightKind
    fan_in: int = 1

    @property
    def trained(self) -> bool:
        """Whether gradients change it."""
        return self.kind not in (WeightKind.MEAN, WeightKind.VARIANCE)


@dataclass(frozen=True)
class Routine:
    """Steps in order, and after which of them each value is needed no more."""

    steps: tuple[Step, ...]
    freed: tuple[tuple[str, ...], ...]
    answer: str


@dataclass(frozen=True)
class Plan:
    """How to compute logits: `body` from the image to `head_input`, `head` from there on."""

    graph: Graph
    weights: dict[str, Weight]
    head_input: str
    body: Routine
    head: Routine

    def head_weights(self) -> set[str]:
        """The names of the weights that the head reads and the body does not."""
        read_before = {name for step in self.body.steps for name in step.inputs}
        read_after = {name for step in self.head.steps for name in step.inputs}
        return (self.weights.keys() & read_after) - read_before


def make_plan(graph: Graph) -> Plan:
    """Plan a graph; raises a `RejectedFile` where it is no classifier that can be trained."""
    refuse_unknown_operators(graph)
    graph = without_softmax(graph)
    lineage = Lineage(graph)
    weights = find_weights(graph, lineage)
    graph = _fold_constants(graph, lineage, weights)
    lineage = Lineage(graph)
    start, head = head_start(graph, lineage)
    return Plan(
        graph=graph,
        weights=weights,
        head_input=start,
        body=make_routine(lineage.path(start), start),
        head=make_routine(head, graph.output),
    )


def refuse_unknown_operators(graph: Graph) -> None:
    """Raise OnnxOperatorUnsupported naming every operator that is not in the catalog."""
    unknown = sorted({step.operator for step in graph.steps} - OPERATORS.keys())
    if unknown:
        raise OnnxOperatorUnsupported(unknown)


def _fold_constants(graph: Graph, lineage: Lineage, weights: dict[str, Weight]) -> Graph:
    """Compute once what depends on fixed constants alone."""
    constants, steps = dict(graph.constants), []
    for step in graph.steps:
        fixed = all(
            lineage.is_constant(name) and not lineage.origins(name) & weights.keys()
            for name in step.inputs
            if name
        )
        if not fixed or len(step.outputs) > 1:
            steps.append(step)
            continue
        values = {name: torch.from_numpy(np.array(constants[name])) for name in step.inputs if name}
        answer = run_steps(
            make_routine([step], step.outputs[0]), values, graph.opset, training=False
        )
        constants[step.outputs[0]] = answer.numpy()
    return replace(graph, steps=tuple(steps), constants=constants)


def without_softmax(graph: Graph) -> Graph:
    """The same graph with logits at its output; training works on those.

    Raises OnnxNotAnImageClassifier where the output is something else than a softmax or logits.
    """
    makers, name = graph.producers(), graph.output
    while (step := makers.get(name)) is not None and step.operator in _SHAPE_ONLY:
        name = step.inputs[0]
    if step is None:
        raise OnnxNotAnImageClassifier("its output does not depend on any layer.")
    if step.operator in _NOT_LOGITS:
        raise OnnxNotAnImageClassifier(_NOT_LOGITS[step.operator])
    if step.operator not in ("Softmax", "LogSoftmax"):
        return graph
    bypass = replace(step, operator="Identity", attributes={})
    return replace(graph, steps=tuple(bypass if s is step else s for s in graph.steps))


def head_start(graph: Graph, lineage: Lineage) -> tuple[str, tuple[Step, ...]]:
    """The value that the head reads, and the head's steps.

    The head is everything from the last layer with weights on. Raises OnnxHeadNotFound where
    there is none, or where the head also reads something from before it.
    """
    for step in reversed(lineage.path(graph.output)):
        data = [name for name in step.inputs if name and not lineage.is_constant(name)]
        if step.operator in LINEAR_OPERATORS and len(data) == 1:
            head = lineage.path(graph.output, stop=data[0])
            _refuse_side_entrance(head, data[0], lineage)
            return data[0], head
    raise OnnxHeadNotFound("no layer with weights leads to the output.")


def _refuse_side_entrance(head: tuple[Step, ...], start: str, lineage: Lineage) -> None:
    """The head's steps may read `start`, constants and one another, but not the image itself."""
    made = {output for step in head for output in step.outputs} | {start}
    for step in head:
        for name in step.inputs:
            if name and name not in made and not lineage.is_constant(name):
                raise OnnxHeadNotFound(f"{step.operator} also reads {name!r} from before it.")


def find_weights(graph: Graph, lineage: Lineage) -> dict[str, Weight]:
    """The constants that training changes, by name; the first use of a shared one counts."""
    found: dict[str, Weight] = {}
    for step in graph.steps:
        for place, kind in _weight_inputs(step, lineage):
            fan_in = _fan_in(step, place, lineage)
            for name in lineage.origins(step.inputs[place]):
                if _is_tensor(graph.constants[name]):
                    found.setdefault(name, Weight(name, kind, fan_in))
    return found


def _weight_inputs(step: Step, lineage: Lineage) -> Iterator[tuple[int, WeightKind]]:
    """The inputs of a step that weights may come in by."""
    table = _WEIGHT_INPUTS.get(step.operator, {})
    if step.operator in _OPERATORS_BEHIND_LAYERS and any(
        lineage.behind_layer(name) for name in step.inputs
    ):
        kind = _OPERATORS_BEHIND_LAYERS[step.operator]
        if step.operator == "Add" and any(
            lineage.made_by(n) in LINEAR_OPERATORS for n in step.inputs
        ):
            kind = WeightKind.BIAS
        table = dict.fromkeys(range(len(step.inputs)), kind)
    for place, kind in table.items():
        if place < len(step.inputs) and lineage.origins(step.inputs[place]):
            yield place, kind


def _fan_in(step: Step, place: int, lineage: Lineage) -> int:
    """The number of inputs of each output of the layer that the constant belongs to."""
    if step.operator == "Add":
        makers = [m for name in step.inputs if (m := lineage.maker(name)) is not None]
        layers = [maker for maker in makers if maker.operator in LINEAR_OPERATORS]
        return _fan_in(layers[0], 1, lineage) if layers else 1
    if step.operator not in LINEAR_OPERATORS:
        return 1
    shape = lineage.shape(step.inputs[1 if step.operator != "MatMul" else place])
    if step.operator == "Conv":
        return int(np.prod(shape[1:]))
    if step.operator == "Gemm":
        return shape[1] if step.attributes.get("transB", 0) else shape[0]
    return shape[-2] if len(shape) > 1 else shape[0]


def _is_tensor(constant: np.ndarray) -> bool:
    return constant.dtype == np.float32 and constant.size > 1


def initialise_weight(tensor: Tensor, weight: Weight) -> None:
    """Fill the tensor in place as torch initialises its layers.

    Weights and biases are uniform within 1 / sqrt(fan_in) (LeCun et al., "Efficient BackProp",
    1998); scales, slopes and running statistics start as if they were not there.
    """
    if weight.kind in _INITIAL_CONSTANTS:
        tensor.fill_(_INITIAL_CONSTANTS[weight.kind])
        return
    bound = 1 / math.sqrt(max(weight.fan_in, 1))
    tensor.uniform_(-bound, bound)


class Lineage:
    """Answers about the values of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._makers = graph.producers()
        self._origins: dict[str, frozenset[str]] = {
            name: frozenset([name]) for name in graph.constants
        }
        self._constant = set(graph.constants)
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._behind: set[str] = set()
        for step in graph.steps:
            self._follow(step)

    def is_constant(self, name: str) -> bool:
        """Whether the value is computed from constants alone."""
        return name in self._constant

    def origins(self, name: str) -> frozenset[str]:
        """The constants that a value is computed from; empty where the image has a part in it."""
        return self._origins.get(name, frozenset())

    def behind_layer(self, name: str) -> bool:
        """Whether a layer with weights stands between the image and the value."""
        return name in self._behind

    def maker(self, name: str) -> Step | None:
        """The step that makes the value; None for constants and the image."""
        return self._makers.get(name)

    def made_by(self, name: str) -> str:
        """The operator that makes the value, or the empty name."""
        step = self.maker(name)
        return step.operator if step else ""

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a constant value; (1, 1) where it is not constant."""
        if name in self._graph.constants:
            return tuple(self._graph.constants[name].shape)
        return self._shapes.get(name, (1, 1))

    def path(self, name: str, stop: str = "") -> tuple[Step, ...]:
        """The steps, in order, that make the value, looking back no further than `stop`."""
        needed: set[str] = set()
        pending = [name]
        while pending:
            value = pending.pop()
            step = None if value == stop else self._makers.get(value)
            if step is not None and not needed.intersection(step.outputs):
                needed.update(output for output in step.outputs if output)
                pending.extend(name for name in step.inputs if name)
        return tuple(s for s in self._graph.steps if needed.intersection(s.outputs))

    def _follow(self, step: Step) -> None:
        names = [name for name in step.inputs if name]
        if all(name in self._constant for name in names):
            joined = frozenset().union(*(self._origins[name] for name in names))
            self._origins.update(dict.fromkeys(step.outputs, joined))
            self._constant.update(step.outputs)
            self._shapes[step.outputs[0]] = self._computed_shape(step)
        elif step.operator in _REPEATING and names[0] in self._origins:
            self._origins[step.outputs[0]] = self._origins[names[0]]
        elif step.operator in LAYER_OPERATORS or any(name in self._behind for name in names):
            self._behind.update(name for name in step.outputs if name)

    def _computed_shape(self, step: Step) -> tuple[int, ...]:
        constants = {
            name: torch.from_numpy(np.array(self._graph.constants[name]))
            for name in self.origins(step.outputs[0])
        }
        routine = make_routine(self.path(step.outputs[0]), step.outputs[0])
        return tuple(run_steps(routine, constants, self._graph.opset, training=False).shape)


def make_routine(steps: Iterable[Step], answer: str) -> Routine:
    """The routine that computes the value named `answer`."""
    ordered = tuple(steps)
    last = {name: i for i, step in enumerate(ordered) for name in step.inputs if name != answer}
    freed = tuple(
        tuple(name for name in set(step.inputs) if name and last.get(name) == i)
        for i, step in enumerate(ordered)
    )
    return Routine(ordered, freed, answer)


def run_steps(routine: Routine, inputs: dict[str, Tensor], opset: int, training: bool) -> Tensor:
    """The routine's answer from the values in `inputs`, which it leaves alone.

    Values are dropped after their last use, so that a large batch fits in memory. Raises
    OnnxCannotRun naming the operator that failed.
    """
    values = dict(inputs)
    for step, done in zip(routine.steps, routine.freed, strict=True):
        arguments = tuple(values[name] if name else None for name in step.inputs)
        try:
            outputs = OPERATORS[step.operator](Call(step, arguments, opset, training))
        except (RuntimeError, ValueError, IndexError, TypeError, KeyError) as error:
            reason = str(error).strip().split("\n")[0]
            raise OnnxCannotRun(step.operator, step.name, reason) from error
        answers = (outputs,) if isinstance(outputs, Tensor) else outputs
        values.update(zip(step.outputs, answers, strict=False))
        for name in done:
            values.pop(name, None)
    return values[routine.answer]
