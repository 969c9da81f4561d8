"""A Hugging Face image classifier as a Network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from app.formats.huggingface.head_split import HeadSplit
from app.formats.huggingface.image_preparation import ImagePreparation
from app.learn.examples import Inputs
from app.learn.network import Batch, Network


class ImageClassifier(Network):
    """Any `AutoModelForImageClassification`; features are float (n, width).

    `source` is the directory it came from: its preparation goes along when it is saved.
    """

    def __init__(
        self, model: Any, preparation: ImagePreparation, labels: tuple[str, ...], source: Path
    ) -> None:
        super().__init__()
        self.model = model.eval()
        self.preparation = preparation
        self.labels = labels
        self.source = source
        self._split = HeadSplit(model, self.collate(_probe(preparation)))

    def collate(self, inputs: Inputs) -> Batch:
        """`pixel_values` float32 (n, channels, height, width)."""
        images = torch.from_numpy(np.ascontiguousarray(inputs))
        return {"pixel_values": self.preparation.apply(images)}

    def lengths(self, inputs: Inputs) -> list[int]:
        """1 for each image."""
        return [1] * len(inputs)

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


def _probe(preparation: ImagePreparation) -> np.ndarray:
    """Two images of noise, uint8: even ones would let too many readings of a head agree."""
    shape = preparation.shape
    size = (2, shape.channels, shape.height, shape.width)
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
