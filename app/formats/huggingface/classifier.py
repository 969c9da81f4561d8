"""What Hugging Face classifiers of text and of images have in common as Networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from app.learn.network import Batch, Network


class Split(Protocol):
    """A model as `features`, vectors of `width` numbers, and `head` with its `parameters`."""

    @property
    def width(self) -> int:
        """Numbers in a vector of the features."""

    def features(self, batch: Batch) -> Tensor:
        """What the head reads."""

    def head(self, features: Tensor) -> Tensor:
        """Logits from what `features` gives."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters outside the body."""


class PretrainedClassifier(Network):
    """A transformers model cut into a body and a head; features are float (n, width).

    `source` is the directory it came from: what stands beside the weights goes along on saving.
    """

    def __init__(self, model: Any, split: Split, labels: tuple[str, ...], source: Path) -> None:
        super().__init__()
        self.model = model.eval()
        self.labels = labels
        self.source = source
        self._split = split

    def features(self, batch: Batch) -> Tensor:
        """What enters the head: float (n, width)."""
        return self._split.features(batch)

    def head(self, features: Tensor) -> Tensor:
        """Logits float32 (n, classes)."""
        return self._split.head(features).float()

    def forward(self, batch: Batch) -> Tensor:
        """Logits float32 (n, classes), in one pass through the model's own `forward`."""
        logits: Tensor = self.model(**batch).logits
        return logits.float()

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """What lies outside the model's body."""
        return self._split.parameters()

    def add_head(self, labels: tuple[str, ...]) -> None:
        """Refused: a classifier has its head."""
        raise ValueError("This network has a head already.")

    def reset(self) -> None:
        """Draw every parameter anew, as the model's own class initialises them."""
        self.model.load_state_dict(type(self.model)(self.model.config).state_dict())
