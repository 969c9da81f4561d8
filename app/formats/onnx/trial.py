"""Running a freshly read network once, to see that it is what it should be."""

from __future__ import annotations

import torch
from torch import Tensor

from app.domain.errors.model_files import WeightsNotFinite
from app.domain.errors.onnx import OnnxBatchFixed, OnnxCannotRun, OnnxNotAnImageClassifier
from app.formats.onnx.network import OnnxNetwork

_IMAGES = 3


@torch.inference_mode()
def try_network(network: OnnxNetwork) -> int:
    """The number of classes, after running a few random images alone and together.

    Raises OnnxCannotRun, OnnxBatchFixed where images in a batch get other answers than alone,
    OnnxNotAnImageClassifier where the output is no row of logits per image, WeightsNotFinite.
    """
    image = network.image
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand((_IMAGES, image.channels, image.height, image.width), generator=generator)
    alone = torch.cat([_one_row(network({"pixels": part})) for part in pixels.split(1)])
    if not bool(torch.isfinite(alone).all()):
        raise WeightsNotFinite
    fixed = network.plan.graph.batch
    try:
        together = network({"pixels": pixels})
    except OnnxCannotRun as error:
        raise OnnxBatchFixed(fixed, error.message) from error
    if together.shape != alone.shape or not torch.allclose(together, alone, atol=1e-3, rtol=1e-3):
        raise OnnxBatchFixed(fixed, "images in a batch get other answers than alone.")
    _refuse_probabilities(alone)
    return alone.shape[1]


def _one_row(logits: Tensor) -> Tensor:
    if logits.shape[0] != 1:
        raise OnnxNotAnImageClassifier(f"one image gives {logits.shape[0]} rows of output.")
    if logits.shape[1] < 2:
        raise OnnxNotAnImageClassifier("its output has a single value, so there are no classes.")
    return logits


def _refuse_probabilities(logits: Tensor) -> None:
    """Probabilities from something else than a final Softmax would be taken for logits."""
    sums = logits.sum(1)
    if (logits >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        raise OnnxNotAnImageClassifier(
            "it ends in probabilities that no Softmax operator made, so logits cannot be found."
        )
