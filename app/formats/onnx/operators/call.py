"""The Call: one operator with the tensors and attributes it is applied to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from app.formats.onnx.graph import Step


@dataclass(frozen=True)
class Call:
    """What an operator function receives.

    Whole numbers (shapes, axes, positions) lie on the CPU, so that reading them never waits for
    an accelerator. `training` is the network's own mode.
    """

    step: Step
    inputs: tuple[Tensor | None, ...]
    opset: int
    training: bool

    def __getitem__(self, position: int) -> Tensor:
        """The input at `position`, which the operator requires."""
        tensor = self.given(position)
        if tensor is None:
            raise ValueError(f"input {position} is missing")
        return tensor

    def given(self, position: int) -> Tensor | None:
        """The input at `position`, None where the graph leaves it out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute as a plain Python value."""
        return self.step.attributes.get(name, default)

    def integers(self, name: str, position: int) -> list[int] | None:
        """Axes, shapes and the like: an attribute in old opsets, an input in newer ones."""
        if name in self.step.attributes:
            return [int(value) for value in self.step.attributes[name]]
        tensor = self.given(position)
        return None if tensor is None else [int(value) for value in tensor.flatten().tolist()]

    def together(self) -> list[Tensor]:
        """All inputs on one device: that of the first that is not on the CPU."""
        tensors = [tensor for tensor in self.inputs if tensor is not None]
        device = next((t.device for t in tensors if t.device.type != "cpu"), torch.device("cpu"))
        return [tensor.to(device) for tensor in tensors]


Operator = Callable[[Call], Tensor | tuple[Tensor, ...]]
