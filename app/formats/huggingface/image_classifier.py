"""A Hugging Face image classifier as a Network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.formats.huggingface.architecture import architecture
from app.formats.huggingface.classifier import PretrainedClassifier
from app.formats.huggingface.head_split import HeadSplit
from app.formats.huggingface.image_preparation import ImagePreparation
from app.learn.examples import Inputs
from app.learn.network import Batch


class ImageClassifier(PretrainedClassifier):
    """Any `AutoModelForImageClassification`; features are float (n, width).

    Its preparation goes along when it is saved.
    """

    def __init__(
        self, model: Any, preparation: ImagePreparation, labels: tuple[str, ...], source: Path
    ) -> None:
        probe = {"pixel_values": preparation.apply(torch.from_numpy(_probe(preparation)))}
        super().__init__(model, HeadSplit(model.eval(), probe), labels, source)
        self.preparation = preparation

    def collate(self, inputs: Inputs) -> Batch:
        """`pixel_values` float32 (n, channels, height, width)."""
        images = torch.from_numpy(np.ascontiguousarray(inputs))
        return {"pixel_values": self.preparation.apply(images)}

    def lengths(self, inputs: Inputs) -> list[int]:
        """1 for each image."""
        return [1] * len(inputs)

    def body_settings(self) -> str:
        """Architecture and preparation of images."""
        return f"images {architecture(self.model)} {self.preparation}"


def _probe(preparation: ImagePreparation) -> np.ndarray:
    """Two images of noise, uint8: even ones would let too many readings of a head agree."""
    shape = preparation.shape
    size = (2, shape.channels, shape.height, shape.width)
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
