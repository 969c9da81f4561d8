"""Images made ready for a compiled graph; torch is loaded only for one of another size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.runtimes.contract import Prepared
from app.runtimes.onnx.description import ImageReading
from app.runtimes.onnx.text_inputs import Feed

_PATCH = 256  # pixels of a patch of 16 x 16


class ImageInputs:
    """Images as float32 pixels (channels, height, width) of the size that the graph takes."""

    size_bytes = 0

    def __init__(self, reading: ImageReading) -> None:
        self._reading = reading
        shape = reading.shape
        self._size = (shape.height, shape.width)
        self._cost = max(1, shape.height * shape.width // _PATCH)
        self._mean = np.array(shape.mean, dtype=np.float32).reshape(-1, 1, 1)
        self._deviation = np.array(shape.std, dtype=np.float32).reshape(-1, 1, 1)

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """Each image scaled to the graph's size and numbers."""
        return [Prepared(self._cost, self._pixels(one)) for one in inputs]

    def feed(self, batch: Sequence[Prepared]) -> Feed:
        """The images as one array."""
        return {self._reading.name: np.stack([one.content for one in batch])}

    def _pixels(self, image: np.ndarray) -> np.ndarray:
        if image.shape[1:] != self._size:
            return self._scaled(image)
        pixels: np.ndarray = (image.astype(np.float32) / 255 - self._mean) / self._deviation
        return pixels

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        import torch

        from app.formats.huggingface.image_preparation import ImagePreparation
        from app.learn.pixels import prepare_pixels

        reading, one = self._reading, np.ascontiguousarray(image[None])
        if reading.mode is None:
            return np.asarray(prepare_pixels(one, reading.shape)[0])
        preparation = ImagePreparation(reading.shape, reading.shortest, reading.mode)
        return np.asarray(preparation.apply(torch.from_numpy(one))[0])
