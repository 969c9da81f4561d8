"""What goes into a graph and comes out: images, their scaling, and labels."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from onnx import ModelProto
from torch import Tensor

from app.domain.errors.model_files import FileInvalid
from app.domain.errors.model_formats import OnnxCannotRun, OnnxInputInvalid, OnnxScalingUnclear
from app.domain.models import ImageInput
from app.formats.json_files import checked_labels, choose_labels
from app.formats.onnx.graph import LAYER_OPERATORS, Graph, Step
from app.formats.onnx.plan import Lineage, Routine, make_routine, run_steps

_MOST_CHANNELS, _LONGEST_SIDE = 16, 2048
_NORM = "BatchNormalization"
# How far white may be from black where the first layer reads: with ImageNet's deviations 4.5, with
# Rescaling(1 / 127.5, offset=-1) 2. A graph that gives more or less was made for other pixels.
_MIN_SLOPE, _MAX_SLOPE = 0.2, 12.0
_METADATA_NAME = "the metadata of the ONNX file"


class Layout(StrEnum):
    """In which order a graph wants its image axes; N images, C channels, H rows, W columns."""

    NCHW = "NCHW"
    NHWC = "NHWC"
    NHW = "NHW"
    FLAT = "flat"


def read_image_input(model: ModelProto, graph: Graph, hints: dict[str, Any]) -> ImageInput:
    """The images the graph takes; the graph wins over its metadata, both over the hints.

    Without any word on scaling a pixel becomes value / 255; a graph of whole numbers takes raw
    pixels, as does one that scales them itself (`takes_raw_pixels`). Raises
    OnnxInputInvalid.
    """
    fields = {**hints, **_metadata(model)}
    channels, height, width = _sides(graph, fields)
    mean, std = _numbers(fields, "mean", 0.0, channels), _numbers(fields, "std", 1.0, channels)
    if graph.integer_input:
        mean, std = (0.0,) * channels, (1 / 255,) * channels
    if not all(value > 0 for value in std):
        raise OnnxInputInvalid("`std` must be positive.")
    resizes = bool(fields.get("resizes", False))
    return ImageInput(channels, height, width, mean, std, resizes)


def layout_of(graph: Graph, channels: int) -> Layout:
    """In which order the graph wants the axes of images of so many channels."""
    shape = graph.input_shape
    if len(shape) == 2:
        return Layout.FLAT
    if len(shape) == 3:
        return Layout.NHW
    if shape[1] == channels or (shape[1] is None and shape[3] != channels):
        return Layout.NCHW
    return Layout.NHWC


def to_layout(pixels: Tensor, layout: Layout) -> Tensor:
    """Pixels (n, channels, height, width) in the order that the graph wants."""
    if layout is Layout.NHWC:
        return pixels.permute(0, 2, 3, 1)
    if layout is Layout.NHW:
        return pixels[:, 0]
    return pixels.flatten(1) if layout is Layout.FLAT else pixels


def states_scaling(model: ModelProto, hints: dict[str, Any]) -> bool:
    """Whether the metadata or the user say how pixels are scaled."""
    return any(fields.get(name) for fields in (hints, _metadata(model)) for name in ("mean", "std"))


def _metadata(model: ModelProto) -> dict[str, Any]:
    text = next((p.value for p in model.metadata_props if p.key == "input"), "{}")
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise OnnxInputInvalid(f"the metadata `input` is not JSON ({error}).") from error
    if not isinstance(fields, dict):
        raise OnnxInputInvalid("the metadata `input` is not a JSON object.")
    return fields


def _sides(graph: Graph, fields: dict[str, Any]) -> tuple[int, int, int]:
    """(channels, height, width), wherever they are stated."""
    shape = graph.input_shape
    named = {name: _integer(fields, name) for name in ("channels", "height", "width")}
    if len(shape) == 2:
        return _flat_sides(shape[1], named)
    if len(shape) == 3:
        stated = dict(zip(("height", "width"), shape[1:], strict=True))
        named["channels"] = 1
    elif len(shape) == 4:
        stated = _stated(shape, named["channels"])
    else:
        raise OnnxInputInvalid(f"it has {len(shape)} dimensions, and an image batch has 4.")
    merged = {name: stated.get(name) or value for name, value in named.items()}
    missing = [name for name, value in merged.items() if not value]
    if missing:
        raise OnnxInputInvalid(f"the graph leaves {', '.join(missing)} open and nothing says it.")
    sides = merged["channels"] or 1, merged["height"] or 1, merged["width"] or 1
    if sides[0] > _MOST_CHANNELS or max(sides) > _LONGEST_SIDE:
        raise OnnxInputInvalid(f"images of {sides} are larger than any that are read.")
    return sides


def _stated(shape: tuple[int | None, ...], channels: int | None) -> dict[str, int | None]:
    """The four-dimensional input's named sizes, in whichever layout it has."""
    likely = (channels,) if channels else (1, 3)
    last = shape[1] not in likely and shape[3] in likely
    names = ("height", "width", "channels") if last else ("channels", "height", "width")
    return dict(zip(names, shape[1:], strict=True))


def _flat_sides(pixels: int | None, named: dict[str, int | None]) -> tuple[int, int, int]:
    channels = named["channels"] or 1
    side = math.isqrt((pixels or 0) // channels)
    height, width = named["height"] or side, named["width"] or side
    if not pixels or channels * height * width != pixels:
        raise OnnxInputInvalid(
            f"rows of {pixels or 'any number of'} values are no image of "
            f"{channels} x {height} x {width}."
        )
    return channels, height, width


def _integer(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OnnxInputInvalid(f"`{name}` must be a positive whole number, not {value!r}.")
    return value


def _numbers(fields: dict[str, Any], name: str, default: float, channels: int) -> tuple[float, ...]:
    """One number per channel; a single one stands for all."""
    value = fields.get(name)
    values = [default] if value is None else value if isinstance(value, list | tuple) else [value]
    sound = all(isinstance(v, int | float) and math.isfinite(v) for v in values)
    if not sound or len(values) not in (1, channels):
        raise OnnxInputInvalid(f"`{name}` must be a list of {channels} numbers, not {value!r}.")
    numbers = tuple(float(v) for v in values)
    return numbers if len(numbers) == channels else numbers * channels


@dataclass(frozen=True)
class FirstSteps:
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
    found = _first_steps(graph, image)
    if found is None or found.slope == 0:
        return False
    if found.means is not None:
        # The mean of pixels from 0 to 1 lies between what 0 and what 1 become.
        return bool(np.abs(found.means - found.black.mean()).max() > 2 * found.slope)
    if _MIN_SLOPE <= found.slope <= _MAX_SLOPE:
        return False
    if not _MIN_SLOPE <= found.slope * 255 <= _MAX_SLOPE:
        raise OnnxScalingUnclear(found.slope)
    return True


def with_raw_pixels(image: ImageInput) -> ImageInput:
    """The same images, given to the network as numbers from 0 to 255."""
    zeros, small = (0.0,) * image.channels, (1 / 255,) * image.channels
    return replace(image, mean=zeros, std=small)


def _first_steps(graph: Graph, image: ImageInput) -> FirstSteps | None:
    lineage = Lineage(graph)
    step = _first_layer(graph, lineage)
    if step is None:
        return None
    entered = next(name for name in step.inputs if name and not lineage.is_constant(name))
    means = None
    if step.operator == _NORM:
        means = graph.constants.get(step.inputs[3])
    if entered == graph.input:
        return FirstSteps(np.zeros(1, np.float32), np.full(1, 255, np.float32), means)
    routine = make_routine(lineage.path(entered), entered)
    try:
        black, white = (_run(graph, routine, image, value) for value in (0, 255))
    except OnnxCannotRun:
        return None  # `check_network` finds out why, and says it
    whole = np.isfinite(black).all() and np.isfinite(white).all()
    return FirstSteps(black, white, means) if whole else None


def _run(graph: Graph, routine: Routine, image: ImageInput, value: int) -> np.ndarray:
    pixels = torch.full((1, image.channels, image.height, image.width), float(value))
    values = {name: torch.from_numpy(np.array(array)) for name, array in graph.constants.items()}
    values[graph.input] = to_layout(pixels, layout_of(graph, image.channels))
    return run_steps(routine, values, graph.opset, training=False).float().numpy()


def _first_layer(graph: Graph, lineage: Lineage) -> Step | None:
    for step in graph.steps:
        data = [name for name in step.inputs if name and not lineage.is_constant(name)]
        if step.operator in (*LAYER_OPERATORS, _NORM) and data:
            return step
    return None


def read_labels(model: ModelProto, hints: tuple[str, ...], classes: int) -> tuple[str, ...]:
    """From the metadata `labels` (a JSON list), else the hints, else "0", "1" and so on.

    Raises FileInvalid or LabelsDoNotFit.
    """
    text = next((p.value for p in model.metadata_props if p.key == "labels"), "[]")
    try:
        labels = json.loads(text)
    except ValueError:
        raise FileInvalid(_METADATA_NAME, "`labels` is not JSON") from None
    return choose_labels(checked_labels(_METADATA_NAME, labels), hints, classes)
