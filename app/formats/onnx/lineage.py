"""Where the values of a graph come from: constants alone, or the image."""

from __future__ import annotations

import numpy as np
import torch

from app.formats.onnx.graph import Graph, Step
from app.formats.onnx.run_steps import routine, run_steps

_LAYERS = ("Conv", "Gemm", "MatMul", "Einsum")
# A class token, for instance, is repeated for each image: its numbers still come from constants.
_REPEATING = ("Expand", "Tile")


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
        waiting = [name]
        while waiting:
            value = waiting.pop()
            step = None if value == stop else self._makers.get(value)
            if step is not None and not needed.intersection(step.outputs):
                needed.update(output for output in step.outputs if output)
                waiting.extend(given for given in step.inputs if given)
        return tuple(s for s in self._graph.steps if needed.intersection(s.outputs))

    def _follow(self, step: Step) -> None:
        given = [name for name in step.inputs if name]
        if all(name in self._constant for name in given):
            joined = frozenset().union(*(self._origins[name] for name in given))
            self._origins.update(dict.fromkeys(step.outputs, joined))
            self._constant.update(step.outputs)
            self._shapes[step.outputs[0]] = self._computed_shape(step)
        elif step.operator in _REPEATING and given[0] in self._origins:
            self._origins[step.outputs[0]] = self._origins[given[0]]
        elif step.operator in _LAYERS or any(name in self._behind for name in given):
            self._behind.update(name for name in step.outputs if name)

    def _computed_shape(self, step: Step) -> tuple[int, ...]:
        constants = {
            name: torch.from_numpy(np.array(self._graph.constants[name]))
            for name in self.origins(step.outputs[0])
        }
        work = routine(self.path(step.outputs[0]), step.outputs[0])
        return tuple(run_steps(work, constants, self._graph.opset, training=False).shape)
