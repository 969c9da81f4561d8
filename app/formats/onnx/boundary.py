"""Where a classifier's logits are, and where its head begins."""

from __future__ import annotations

from dataclasses import replace

from app.domain.errors.onnx import OnnxHeadNotFound, OnnxNotAnImageClassifier
from app.formats.onnx.graph import Graph, Step
from app.formats.onnx.lineage import Lineage
from app.formats.onnx.weights import LINEAR

# Operators that may stand between the softmax and the output without changing any number.
_SHAPE_ONLY = ("Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Dropout")
_NOT_LOGITS = {
    "Sigmoid": "it ends in a Sigmoid, which answers yes or no for each label by itself.",
    "HardSigmoid": "it ends in a HardSigmoid, which answers yes or no for each label by itself.",
    "ArgMax": "it ends in an ArgMax, which gives the label's number and no probabilities.",
}


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
        if step.operator in LINEAR and len(data) == 1:
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
