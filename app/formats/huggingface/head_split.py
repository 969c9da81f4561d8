"""Finds where a Hugging Face classifier's body ends, and runs its head on its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from app.domain.errors.model_files import ArchitectureUnsupported, WeightsNotFinite
from app.formats.huggingface.sentence_transformers import PoolingMode
from app.formats.huggingface.tokenizer import FIRST_TOKENS, word_vectors
from app.learn.network import Batch

_TOLERANCE = 1e-4


class _Reading(Enum):
    """Which part of what enters the head decides its answer."""

    WHOLE = "whole"  # (n, width) already
    FIRST = "first"  # the first token of (n, tokens, width)
    LAST = "last"  # the last token that is no padding
    FLAT = "flat"  # all of (n, a, b, ...), whose shape is the same for every input


class HeadSplit:
    """A classifier as `features` and `head`, whatever its class calls them.

    The head is all that lies outside `model.base_model`; features are what enters the first
    module of it. To run the head alone, the model's own `forward` is called with the body
    replaced by its answer to `probe`, and the first head module given the features: so whatever
    the class does in between (dropout, activations, pooling) is done as the class does it.

    `probe` is a batch of two inputs, the first one not shorter. Raises ArchitectureUnsupported
    where the split does not give the model's own logits on it, and WeightsNotFinite.
    """

    def __init__(self, model: Any, probe: Batch, pad_id: int | None = None) -> None:
        self._model = model
        self._pad_id = pad_id
        self._probe = {name: tensor[:1] for name, tensor in probe.items()}
        with torch.no_grad():
            entered, logits = self._watch(probe)
            if not bool(torch.isfinite(logits).all()):
                raise WeightsNotFinite
            self._shape = entered.shape[1:]
            self._reading = self._find_reading(probe, logits)

    def features(self, batch: Batch) -> Tensor:
        """What the head reads: float (n, width)."""
        kept: list[Tensor] = []
        with intercept_input(self._entry, kept.append):
            self._model(**batch)
        return self._reduce(kept[0], batch)

    def head(self, features: Tensor) -> Tensor:
        """Logits (n, classes) from what `features` gives."""
        # Not `len`: a number of Python's would be a constant in an exported graph.
        count, device = features.shape[0], features.device
        batch = {name: repeat_row(row, count, device) for name, row in self._probe.items()}
        whole = self._restore(features)
        body = body_replaced(self._model, ConstantBody(self._answer.times(count, device)))
        with body, intercept_input(self._entry, lambda _: whole):
            logits: Tensor = self._model(**batch).logits
        return logits

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters outside the body."""
        body = {id(parameter) for parameter in self._model.base_model.parameters()}
        return (p for p in self._model.parameters() if id(p) not in body)

    @property
    def width(self) -> int:
        """Numbers in the features of one input."""
        whole = self._reading in (_Reading.WHOLE, _Reading.FLAT)
        return math.prod(self._shape) if whole else self._shape[-1]

    @property
    def pooled_by(self) -> PoolingMode | None:
        """How the features come from the tokens; None where they are not one token's."""
        modes: dict[_Reading, PoolingMode] = {_Reading.FIRST: "cls", _Reading.LAST: "lasttoken"}
        return modes.get(self._reading)

    @property
    def reads(self) -> dict[str, tuple[int, ...]]:
        """The shapes (1, ...) of what the body answered to `probe`, by name."""
        return {name: tuple(tensor.shape) for name, tensor in self._answer.tensors.items()}

    @property
    def _entry(self) -> nn.Module:
        return self._model.get_submodule(self._entry_name)

    def _watch(self, probe: Batch) -> tuple[Tensor, Tensor]:
        """Run the probe; what entered the head's first module, and the logits."""
        entered: list[tuple[str, Tensor]] = []
        answers: list[Any] = []
        with ExitStack() as stack:
            body = self._model.base_model
            hook = body.register_forward_hook(lambda _m, _a, output: answers.append(output))
            stack.callback(hook.remove)
            for name, module in self._head_modules():
                stack.enter_context(intercept_input(module, _recorder(name, entered)))
            logits = self._model(**probe).logits
        if not entered or not answers or not hasattr(answers[0], "items"):
            raise self._unsupported("its head cannot be separated from its body")
        self._answer = BodyAnswer.first_of(answers[0])
        self._entry_name = entered[0][0]
        return entered[0][1], logits

    def _head_modules(self) -> list[tuple[str, nn.Module]]:
        """The modules outside the body that have parameters."""
        body = self._model.base_model
        modules = [(n, m) for n, m in self._model.named_children() if m is not body]
        return [
            (name, module) for name, module in modules if any(True for _ in module.parameters())
        ]

    def _find_reading(self, probe: Batch, logits: Tensor) -> _Reading:
        """The first way of reading the features that gives the model's own logits."""
        for reading in self._candidates(probe):
            self._reading = reading
            answer = self.head(self.features(probe))
            close = answer.shape == logits.shape and torch.allclose(
                answer, logits, rtol=_TOLERANCE, atol=_TOLERANCE * float(logits.abs().max())
            )
            if close:
                return reading
        raise self._unsupported("its head reads more than one vector for each input")

    def _candidates(self, probe: Batch) -> tuple[_Reading, ...]:
        if len(self._shape) == 1:
            return (_Reading.WHOLE,)
        if "input_ids" in probe:
            return _Reading.FIRST, _Reading.LAST
        return (_Reading.FIRST, _Reading.FLAT) if len(self._shape) == 2 else (_Reading.FLAT,)

    def _reduce(self, entered: Tensor, batch: Batch) -> Tensor:
        if self._reading is _Reading.WHOLE:
            return entered
        if self._reading is _Reading.FIRST:
            return entered[:, 0]
        if self._reading is _Reading.FLAT:
            return entered.flatten(1)
        present = batch["input_ids"].ne(self._pad_id or 0).int()
        last = (torch.arange(present.shape[1], device=present.device) * present).argmax(dim=1)
        return entered[torch.arange(entered.shape[0], device=entered.device), last]

    def _restore(self, features: Tensor) -> Tensor:
        if self._reading is _Reading.WHOLE:
            return features
        if self._reading is _Reading.FLAT:
            return features.unflatten(1, self._shape)
        # Every token is the one that counts, so it does not matter which one the head takes.
        return features.unsqueeze(1).expand(-1, self._shape[0], -1)

    def _unsupported(self, reason: str) -> ArchitectureUnsupported:
        return ArchitectureUnsupported(type(self._model).__name__, reason)


def _recorder(name: str, entered: list[tuple[str, Tensor]]) -> Any:
    return lambda tensor: entered.append((name, tensor))


class WordHead:
    """A token classifier as `features`, the vector of each word, and `head`, a linear layer.

    `probe` is a batch of words. Raises ArchitectureUnsupported where more than one linear layer
    stands behind the body, or where it does not give the model's own logits; WeightsNotFinite.
    """

    def __init__(self, model: Any, probe: Batch) -> None:
        self._model = model
        body = model.base_model
        behind = [
            name
            for name, module in model.named_children()
            if module is not body and any(True for _ in module.parameters())
        ]
        if len(behind) != 1 or not isinstance(model.get_submodule(behind[0]), nn.Linear):
            raise ArchitectureUnsupported(
                type(model).__name__, "its head is more than one linear layer"
            )
        self._name = behind[0]
        self._check(probe)

    @property
    def width(self) -> int:
        """Numbers in the vector of a word."""
        return self._linear.in_features

    def features(self, batch: Batch) -> Tensor:
        """What the head reads of each word: float (n, words, width)."""
        vectors, _ = self._run(batch)
        return word_vectors(vectors, batch[FIRST_TOKENS])

    def head(self, features: Tensor) -> Tensor:
        """Logits (n, words, classes)."""
        logits: Tensor = self._linear(features)
        return logits

    def parameters(self) -> Iterator[nn.Parameter]:
        """The linear layer's."""
        return self._linear.parameters()

    @property
    def _linear(self) -> nn.Linear:
        linear: nn.Linear = self._model.get_submodule(self._name)
        return linear

    def _run(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What entered the head, float (windows, tokens, width), and the model's own logits."""
        kept: list[Tensor] = []
        with intercept_input(self._linear, kept.append):
            logits = self._model(**{k: v for k, v in batch.items() if k != FIRST_TOKENS}).logits
        return kept[0], logits

    @torch.no_grad()
    def _check(self, probe: Batch) -> None:
        vectors, logits = self._run(probe)
        if not bool(torch.isfinite(logits).all()):
            raise WeightsNotFinite
        answer = self.head(vectors)
        if answer.shape != logits.shape or not torch.allclose(answer, logits, atol=_TOLERANCE):
            raise ArchitectureUnsupported(
                type(self._model).__name__, "something follows its linear layer"
            )


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
        return self.kind(**{name: repeat_row(t, count, device) for name, t in self.tensors.items()})


def repeat_row(row: Tensor, count: int, device: torch.device) -> Tensor:
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
def intercept_input(module: nn.Module, act: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """Inside, `act` gets the first argument of each call of `module`, and may replace it."""

    def hook(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        replaced = act(arguments[0])
        return None if replaced is None else (replaced, *arguments[1:])

    handle = module.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


class ConstantBody(nn.Module):
    """A body that returns `answer` whatever its input, and costs nothing."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self._answer = answer

    def forward(self, *_: Any, **__: Any) -> Any:
        """The answer."""
        return self._answer


class ZeroBody(nn.Module):
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
