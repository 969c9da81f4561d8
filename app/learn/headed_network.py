"""Networks of text that work without a head until they are given a linear one."""

from __future__ import annotations

import abc
from collections.abc import Iterator

from torch import Tensor, nn

from app.learn.network import Network


class HeadedNetwork(Network):
    """A network whose head, if it has one, is the module `classifier` on features (n, width)."""

    classifier: nn.Module | None

    @property
    @abc.abstractmethod
    def width(self) -> int:
        """Numbers in a text's vector, as the head reads it."""

    def head(self, features: Tensor) -> Tensor:
        """Logits float32 (n, classes); RuntimeError without a head."""
        if self.classifier is None:
            raise RuntimeError("A plain encoder has no head until `add_head` ran.")
        logits: Tensor = self.classifier(features)
        return logits.float()

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """The linear head's weight and bias; nothing without a head."""
        return iter(()) if self.classifier is None else self.classifier.parameters()

    def add_head(self, labels: tuple[str, ...]) -> None:
        """A fresh linear head for `labels`; ValueError when there is one already."""
        if self.classifier is not None:
            raise ValueError("This network has a head already.")
        device = next(self.parameters()).device
        self.classifier = nn.Linear(self.width, len(labels), device=device)
        self.labels = labels
