"""A declared list of layers as a Network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import Tensor, nn

from app.formats.declared_network.architecture import Architecture
from app.learn.examples import Inputs
from app.learn.network import Batch, Network
from app.learn.pixels import prepare_pixels


class DeclaredNetwork(Network):
    """The layers in a row; features are what enters the last one, float (n, width)."""

    def __init__(
        self, layers: nn.Sequential, architecture: Architecture, labels: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.layers = layers
        self.architecture = architecture
        self.labels = labels

    def collate(self, inputs: Inputs) -> Batch:
        """`pixels` float32 (n, channels, height, width)."""
        return {"pixels": prepare_pixels(np.asarray(inputs), self.architecture.input)}

    def lengths(self, inputs: Inputs) -> list[int]:
        """1 for each image."""
        return [1] * len(inputs)

    def features(self, batch: Batch) -> Tensor:
        """What enters the last layer: float (n, width)."""
        body: nn.Module = self.layers[:-1]
        features: Tensor = body(batch["pixels"])
        return features

    def head(self, features: Tensor) -> Tensor:
        """Logits float32 (n, classes)."""
        last: nn.Module = self.layers[-1]
        logits: Tensor = last(features)
        return logits.float()

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """The last layer's weight and bias."""
        return self.layers[-1].parameters()

    def add_head(self, labels: tuple[str, ...]) -> None:
        """Refused: a classifier has its head."""
        raise ValueError("This network has a head already.")

    def body_settings(self) -> str:
        """The declared layers and preparation of images."""
        return f"declared {self.architecture.input} {self.architecture.layers[:-1]}"

    def reset(self) -> None:
        """Draw every parameter anew, as torch initialises each kind of layer."""
        for layer in self.layers:
            draw = getattr(layer, "reset_parameters", None)
            if callable(draw):
                draw()
