"""The Plan: a graph taken apart into body and head, with its weights told from its constants."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from app.formats.onnx.boundary import head_start, without_softmax
from app.formats.onnx.graph import Graph
from app.formats.onnx.lineage import Lineage
from app.formats.onnx.operators.catalog import refuse_unknown_operators
from app.formats.onnx.run_steps import Routine, routine, run_steps
from app.formats.onnx.weights import Weight, find_weights


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
    graph = _fold(graph, lineage, weights)
    lineage = Lineage(graph)
    start, head = head_start(graph, lineage)
    return Plan(
        graph=graph,
        weights=weights,
        head_input=start,
        body=routine(lineage.path(start), start),
        head=routine(head, graph.output),
    )


def _fold(graph: Graph, lineage: Lineage, weights: dict[str, Weight]) -> Graph:
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
        given = {name: torch.from_numpy(np.array(constants[name])) for name in step.inputs if name}
        answer = run_steps(routine([step], step.outputs[0]), given, graph.opset, training=False)
        constants[step.outputs[0]] = answer.numpy()
    return replace(graph, steps=tuple(steps), constants=constants)
