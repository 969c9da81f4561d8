"""A Case: one method on one kind of model, as the contract suite of methods runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.learn.data.examples import Examples
from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters, method_named

Chosen = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A method, a tiny source model, and a task in which the method has something to learn.

    `build` writes the source model's folder, once for all tests; the network is loaded from it
    anew for each run. `given` makes the input of a run from that network and the parameters.
    `learning` are the parameters by which the method learns the task within seconds, so that it
    answers `gain` more of the rows `unseen` correctly than the untouched model; no row of
    `unseen` is in what `given` gives. Each of `variants` is a set of parameters for the promises
    that hold whatever is learnt: choose them quick, one for each path through the code.
    `ruinous`, where the method looks at validation rows, are parameters that destroy the network.
    `head_only`, where the method can, are parameters by which it leaves the body as it is.
    """

    method: str
    kind: str
    build: Callable[[Path], object]
    given: Callable[[Network, Parameters], MethodInput]
    unseen: Examples
    learning: Chosen = field(default_factory=dict)
    variants: tuple[Chosen, ...] = ({},)
    gain: float = 0.2
    ruinous: Chosen | None = None
    head_only: Chosen | None = None

    def __str__(self) -> str:
        return f"{self.method}-{self.kind}"

    def input(self, network: Network, chosen: Chosen) -> MethodInput:
        """The input of a run of the method on `network` with the parameters `chosen`."""
        return self.given(network, method_named(self.method).parameters.model_validate(chosen))
