"""What images a graph takes: from its input's shape, its metadata and the user's hints."""

from __future__ import annotations

import json
import math
from enum import StrEnum
from typing import Any

from onnx import ModelProto
from torch import Tensor

from app.domain.errors.onnx import OnnxInputInvalid
from app.domain.models import ImageInput
from app.formats.onnx.graph import Graph

_MOST_CHANNELS, _LONGEST_SIDE = 16, 2048


class Layout(StrEnum):
    """In which order a graph wants its image axes; N images, C channels, H rows, W columns."""

    NCHW = "NCHW"
    NHWC = "NHWC"
    NHW = "NHW"
    FLAT = "flat"


def read_image_input(model: ModelProto, graph: Graph, hints: dict[str, Any]) -> ImageInput:
    """The images the graph takes; the graph wins over its metadata, both over the hints.

    Without any word on scaling a pixel becomes value / 255; a graph of whole numbers takes raw
    pixels, as does one that scales them itself (`app.formats.onnx.scaling`). Raises
    OnnxInputInvalid.
    """
    said = {**hints, **_metadata(model)}
    channels, height, width = _sides(graph, said)
    mean, std = _numbers(said, "mean", 0.0, channels), _numbers(said, "std", 1.0, channels)
    if graph.integer_input:
        mean, std = (0.0,) * channels, (1 / 255,) * channels
    if not all(value > 0 for value in std):
        raise OnnxInputInvalid("`std` must be positive.")
    resizes = bool(said.get("resizes", False))
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


def arranged(pixels: Tensor, layout: Layout) -> Tensor:
    """Pixels (n, channels, height, width) in the order that the graph wants."""
    if layout is Layout.NHWC:
        return pixels.permute(0, 2, 3, 1)
    if layout is Layout.NHW:
        return pixels[:, 0]
    return pixels.flatten(1) if layout is Layout.FLAT else pixels


def says_scaling(model: ModelProto, hints: dict[str, Any]) -> bool:
    """Whether the metadata or the user say how pixels are scaled."""
    return any(said.get(name) for said in (hints, _metadata(model)) for name in ("mean", "std"))


def _metadata(model: ModelProto) -> dict[str, Any]:
    text = next((p.value for p in model.metadata_props if p.key == "input"), "{}")
    try:
        said = json.loads(text)
    except ValueError as error:
        raise OnnxInputInvalid(f"the metadata `input` is not JSON ({error}).") from error
    if not isinstance(said, dict):
        raise OnnxInputInvalid("the metadata `input` is not a JSON object.")
    return said


def _sides(graph: Graph, said: dict[str, Any]) -> tuple[int, int, int]:
    """(channels, height, width), wherever they are stated."""
    shape = graph.input_shape
    named = {name: _whole(said, name) for name in ("channels", "height", "width")}
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


def _whole(said: dict[str, Any], name: str) -> int | None:
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OnnxInputInvalid(f"`{name}` must be a positive whole number, not {value!r}.")
    return value


def _numbers(said: dict[str, Any], name: str, default: float, channels: int) -> tuple[float, ...]:
    """One number per channel; a single one stands for all."""
    value = said.get(name)
    values = [default] if value is None else value if isinstance(value, list | tuple) else [value]
    sound = all(isinstance(v, int | float) and math.isfinite(v) for v in values)
    if not sound or len(values) not in (1, channels):
        raise OnnxInputInvalid(f"`{name}` must be a list of {channels} numbers, not {value!r}.")
    numbers = tuple(float(v) for v in values)
    return numbers if len(numbers) == channels else numbers * channels
