"""The scaling that a graph begins with: whether it wants pixels from 0 to 255 or from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from app.domain.errors.onnx import OnnxCannotRun, OnnxScalingUnclear
from app.domain.models import ImageInput
from app.formats.onnx.graph import Graph, Step
from app.formats.onnx.image_input import arranged, layout_of
from app.formats.onnx.lineage import Lineage
from app.formats.onnx.run_steps import Routine, routine, run_steps

_LAYERS = ("Conv", "Gemm", "MatMul", "Einsum")
_NORM = "BatchNormalization"
# How far white may be from black where the first layer reads: with ImageNet's deviations 4.5, with
# Rescaling(1 / 127.5, offset=-1) 2. A graph that gives more or less was made for other pixels.
_LEAST, _MOST = 0.2, 12.0


@dataclass(frozen=True)
class Beginning:
    """What the first layer gets from an image of one value, float (any shape), by that value."""

    black: np.ndarray
    white: np.ndarray
    means: np.ndarray | None  # of what a first BatchNormalization was trained on

    @property
    def slope(self) -> float:
        """How far 255 is from 0, divided by 255; 0 where nothing tells them apart.

        Of the pixel where they are closest, since one that never varied was divided by nearly 0.
        """
        apart = np.abs(self.white - self.black)
        return float(apart[apart > 0].min(initial=np.inf)) / 255 if apart.any() else 0.0


def takes_raw_pixels(graph: Graph, image: ImageInput) -> bool:
    """Whether the graph itself scales pixels from 0 to 255.

    Black and white go through everything before the first layer with weights. Raises
    OnnxScalingUnclear where that scales, but neither 0..255 nor 0..1 to sensible numbers.
    """
    found = _beginning(graph, image)
    if found is None or found.slope == 0:
        return False
    if found.means is not None:
        # The mean of pixels from 0 to 1 lies between what 0 and what 1 become.
        return bool(np.abs(found.means - found.black.mean()).max() > 2 * found.slope)
    if _LEAST <= found.slope <= _MOST:
        return False
    if not _LEAST <= found.slope * 255 <= _MOST:
        raise OnnxScalingUnclear(found.slope)
    return True


def with_raw_pixels(image: ImageInput) -> ImageInput:
    """The same images, given to the network as numbers from 0 to 255."""
    zeros, small = (0.0,) * image.channels, (1 / 255,) * image.channels
    return replace(image, mean=zeros, std=small)


def _beginning(graph: Graph, image: ImageInput) -> Beginning | None:
    lineage = Lineage(graph)
    step = _first_layer(graph, lineage)
    if step is None:
        return None
    entered = next(name for name in step.inputs if name and not lineage.is_constant(name))
    means = None
    if step.operator == _NORM:
        means = graph.constants.get(step.inputs[3])
    if entered == graph.input:
        return Beginning(np.zeros(1, np.float32), np.full(1, 255, np.float32), means)
    work = routine(lineage.path(entered), entered)
    try:
        black, white = (_run(graph, work, image, value) for value in (0, 255))
    except OnnxCannotRun:
        return None  # `try_network` finds out why, and says it
    whole = np.isfinite(black).all() and np.isfinite(white).all()
    return Beginning(black, white, means) if whole else None


def _run(graph: Graph, work: Routine, image: ImageInput, value: int) -> np.ndarray:
    pixels = torch.full((1, image.channels, image.height, image.width), float(value))
    given = {name: torch.from_numpy(np.array(array)) for name, array in graph.constants.items()}
    given[graph.input] = arranged(pixels, layout_of(graph, image.channels))
    return run_steps(work, given, graph.opset, training=False).float().numpy()


def _first_layer(graph: Graph, lineage: Lineage) -> Step | None:
    for step in graph.steps:
        data = [name for name in step.inputs if name and not lineage.is_constant(name)]
        if step.operator in (*_LAYERS, _NORM) and data:
            return step
    return None
