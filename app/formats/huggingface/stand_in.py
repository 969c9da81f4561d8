"""Lets a Hugging Face model's own `forward` run with its body replaced by a known answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class BodyAnswer:
    """What a body answered to one input: the tensors (1, ...) of its output, by name."""

    kind: type[Any]
    tensors: dict[str, Tensor]

    @classmethod
    def first_of(cls, output: Any) -> BodyAnswer:
        """The first row of a `ModelOutput`."""
        rows = {name: value[:1] for name, value in output.items() if isinstance(value, Tensor)}
        return cls(type(output), rows)

    def times(self, count: int, device: torch.device) -> Any:
        """The same answer for `count` inputs, on `device`."""
        return self.kind(**{name: repeat(t, count, device) for name, t in self.tensors.items()})


def repeat(row: Tensor, count: int, device: torch.device) -> Tensor:
    """`row` (1, ...) as (count, ...) on `device`."""
    return row.to(device).expand(count, *row.shape[1:])


@contextmanager
def body_replaced(model: Any, body: nn.Module) -> Iterator[None]:
    """Inside, `model` runs on `body` in the place of its own."""
    own = model.base_model
    setattr(model, model.base_model_prefix, body)
    try:
        yield
    finally:
        setattr(model, model.base_model_prefix, own)


@contextmanager
def entering(module: nn.Module, act: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """Inside, `act` sees the first argument of each call of `module`, and may replace it."""

    def hook(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        replaced = act(arguments[0])
        return None if replaced is None else (replaced, *arguments[1:])

    handle = module.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


class KnownAnswer(nn.Module):
    """A body that answers `answer` whatever it is asked, and costs nothing."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self._answer = answer

    def forward(self, *_: Any, **__: Any) -> Any:
        """The answer."""
        return self._answer


class AbsentBody(nn.Module):
    """A body that answers every row with zeros of the shapes (1, ...) `reads`, by name."""

    def __init__(self, reads: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()
        self._reads = dict(reads)

    def forward(self, input_ids: Tensor, *_: Any, **__: Any) -> BodyOutput:
        """Zeros for each row of `input_ids`."""
        count, device = input_ids.shape[0], input_ids.device
        return BodyOutput(
            **{name: torch.zeros(count, *s[1:], device=device) for name, s in self._reads.items()}
        )


class BodyOutput(dict[str, Tensor]):
    """Tensors by name, by place and as attributes, as transformers' classes ask for them."""

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else tuple(self.values())[key]

    def __getattr__(self, name: str) -> Tensor | None:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)
