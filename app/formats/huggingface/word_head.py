"""The head of a Hugging Face token classifier, apart from its body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from app.domain.errors.model_files import ArchitectureUnsupported, WeightsNotFinite
from app.formats.huggingface.stand_in import entering
from app.formats.huggingface.words import FIRST_TOKENS, word_vectors
from app.learn.network import Batch

_TOLERANCE = 1e-4


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
        """What entered the head, float (pieces, tokens, width), and the model's own logits."""
        kept: list[Tensor] = []
        with entering(self._linear, kept.append):
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
