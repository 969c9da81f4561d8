"""Running steps of a graph with torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from app.domain.errors.onnx import OnnxCannotRun
from app.formats.onnx.graph import Step
from app.formats.onnx.operators.call import Call
from app.formats.onnx.operators.catalog import OPERATORS


@dataclass(frozen=True)
class Routine:
    """Steps in order, and after which of them each value is needed no more."""

    steps: tuple[Step, ...]
    forget: tuple[tuple[str, ...], ...]
    answer: str


def routine(steps: Iterable[Step], answer: str) -> Routine:
    """The routine that computes the value named `answer`."""
    ordered = tuple(steps)
    last = {name: i for i, step in enumerate(ordered) for name in step.inputs if name != answer}
    forget = tuple(
        tuple(name for name in set(step.inputs) if name and last.get(name) == i)
        for i, step in enumerate(ordered)
    )
    return Routine(ordered, forget, answer)


def run_steps(work: Routine, given: dict[str, Tensor], opset: int, training: bool) -> Tensor:
    """The routine's answer from the values in `given`, which it leaves alone.

    Values are dropped after their last use, so that a large batch fits in memory. Raises
    OnnxCannotRun naming the operator that failed.
    """
    values = dict(given)
    for step, done in zip(work.steps, work.forget, strict=True):
        inputs = tuple(values[name] if name else None for name in step.inputs)
        try:
            outputs = OPERATORS[step.operator](Call(step, inputs, opset, training))
        except (RuntimeError, ValueError, IndexError, TypeError, KeyError) as error:
            reason = str(error).strip().split("\n")[0]
            raise OnnxCannotRun(step.operator, step.name, reason) from error
        answers = (outputs,) if isinstance(outputs, Tensor) else outputs
        values.update(zip(step.outputs, answers, strict=False))
        for name in done:
            values.pop(name, None)
    return values[work.answer]
