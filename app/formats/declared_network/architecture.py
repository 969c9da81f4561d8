"""`architecture.json`: the input, the labels and the layers of a network, checked one by one.

Layers have torch.nn's own names, arguments and defaults; imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.errors.model_formats import ArchitectureInvalid, LayerInvalid
from app.domain.models import ImageInput
from app.formats.json_files import checked_labels, read_json_object

ARCHITECTURE_FILE = "architecture.json"
Width = Annotated[int, Field(ge=1, le=65_536)]
Features = Annotated[int, Field(ge=1, le=4_194_304)]
Size = Annotated[int, Field(ge=1, le=256)]
PaddingSize = Annotated[int, Field(ge=0, le=256)]
Sizes = Size | tuple[Size, Size]
PaddingSizes = PaddingSize | tuple[PaddingSize, PaddingSize]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
_MAX_LAYERS = 500
_KEYS = {"input", "labels", "layers"}
_Side = Annotated[int, Field(ge=1, le=2048)]


class Layer(BaseModel):
    """One layer; an argument that its kind does not have is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    type: str

    def arguments(self) -> dict[str, Any]:
        """What the torch.nn class is called with."""
        return self.model_dump(exclude={"type"})


class Conv2d(Layer):
    """A convolution."""

    type: Literal["Conv2d"]
    in_channels: Width
    out_channels: Width
    kernel_size: Sizes
    stride: Sizes = 1
    padding: Literal["valid", "same"] | PaddingSizes = 0
    dilation: Sizes = 1
    groups: Width = 1
    bias: bool = True
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"


class Linear(Layer):
    """A linear map."""

    type: Literal["Linear"]
    in_features: Features
    out_features: Width
    bias: bool = True


class BatchNorm(Layer):
    """Batch norm, with the running statistics that prediction needs."""

    type: Literal["BatchNorm1d", "BatchNorm2d"]
    num_features: Features
    eps: Annotated[float, Field(gt=0.0)] = 1e-5
    momentum: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    affine: bool = True
    track_running_stats: Literal[True] = True


class GroupNorm(Layer):
    """Group norm."""

    type: Literal["GroupNorm"]
    num_groups: Width
    num_channels: Width
    eps: Annotated[float, Field(gt=0.0)] = 1e-5
    affine: bool = True


class LayerNorm(Layer):
    """Layer norm over the last dimensions."""

    type: Literal["LayerNorm"]
    normalized_shape: Features | tuple[Features, ...]
    eps: Annotated[float, Field(gt=0.0)] = 1e-5
    elementwise_affine: bool = True
    bias: bool = True


class MaxPool2d(Layer):
    """The largest value of each window."""

    type: Literal["MaxPool2d"]
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: PaddingSizes = 0
    dilation: Sizes = 1
    ceil_mode: bool = False


class AvgPool2d(Layer):
    """The mean of each window."""

    type: Literal["AvgPool2d"]
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: PaddingSizes = 0
    ceil_mode: bool = False
    count_include_pad: bool = True


class AdaptivePool2d(Layer):
    """Pooling to a fixed size."""

    type: Literal["AdaptiveAvgPool2d", "AdaptiveMaxPool2d"]
    output_size: Sizes


class Dropout(Layer):
    """Dropout, in training alone."""

    type: Literal["Dropout", "Dropout2d"]
    p: Fraction = 0.5


class Flatten(Layer):
    """All dimensions after the batch as one."""

    type: Literal["Flatten"]
    start_dim: Literal[1] = 1
    end_dim: Literal[-1] = -1


class ZeroPad2d(Layer):
    """A border of zeros."""

    type: Literal["ZeroPad2d"]
    padding: PaddingSize | tuple[PaddingSize, PaddingSize, PaddingSize, PaddingSize]


class ParameterFree(Layer):
    """What takes no argument."""

    type: Literal["Identity", "Sigmoid", "Tanh", "SiLU", "Mish", "ReLU", "ReLU6", "Hardswish"]


class LeakyReLU(Layer):
    """A ReLU that lets a share of negative values through."""

    type: Literal["LeakyReLU"]
    negative_slope: Fraction = 0.01


class ELU(Layer):
    """An exponential linear unit."""

    type: Literal["ELU"]
    alpha: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0


class GELU(Layer):
    """A Gaussian error linear unit."""

    type: Literal["GELU"]
    approximate: Literal["none", "tanh"] = "none"


class PReLU(Layer):
    """A ReLU whose negative slope is learnt."""

    type: Literal["PReLU"]
    num_parameters: Width = 1


class Softmax(Layer):
    """Allowed as the last layer alone, where it is left away: networks give logits."""

    type: Literal["Softmax", "LogSoftmax"]
    dim: Literal[1, -1]


@dataclass(frozen=True)
class Architecture:
    """A checked `architecture.json`; `labels` are empty where it names none."""

    input: ImageInput
    labels: tuple[str, ...]
    layers: tuple[Layer, ...]


def read_architecture(folder: Path, hints: dict[str, Any]) -> Architecture:
    """Read the file; `hints` fill in what its `input` leaves open.

    Raises ArchitectureInvalid, LayerInvalid (which counts layers from 1) or FileInvalid.
    """
    content = read_json_object(folder / ARCHITECTURE_FILE)
    unknown = sorted(set(content) - _KEYS)
    if unknown:
        raise ArchitectureInvalid(f"it has {', '.join(unknown)}, which nothing reads")
    input_fields = content.get("input", {})
    if not isinstance(input_fields, dict):
        raise ArchitectureInvalid("`input` must be an object")
    return Architecture(
        input=read_image_input({**hints, **input_fields}),
        labels=checked_labels(ARCHITECTURE_FILE, content.get("labels", [])),
        layers=_layers(content.get("layers")),
    )


def _layers(value: Any) -> tuple[Layer, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_LAYERS:
        raise ArchitectureInvalid(f"`layers` must be a list of 1 to {_MAX_LAYERS} layers")
    return tuple(_layer(number, one) for number, one in enumerate(value, start=1))


def _layer(number: int, value: Any) -> Layer:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in LAYER_KINDS:
        allowed = f"it must have a `type` out of {', '.join(sorted(LAYER_KINDS))}"
        raise LayerInvalid(number, str(kind), allowed)
    try:
        return LAYER_KINDS[kind].model_validate(value)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = str(first["loc"][0]) if first["loc"] else "the layer"
        raise LayerInvalid(number, kind, f"`{place}`: {first['msg']}") from None


def _layer_kinds() -> dict[str, type[Layer]]:
    """Every `type` of every class of layers."""
    found: dict[str, type[Layer]] = {}
    for kind in Layer.__subclasses__():
        names = kind.model_fields["type"].annotation
        found |= dict.fromkeys(names.__args__, kind)  # type: ignore[union-attr]
    return found


LAYER_KINDS = _layer_kinds()


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    channels: Annotated[int, Field(ge=1, le=16)]
    height: _Side
    width: _Side
    mean: float | list[float] = 0.0
    std: float | list[float] = 1.0
    resizes: bool = False


def read_image_input(input_fields: dict[str, Any]) -> ImageInput:
    """The images a network takes; a single `mean` or `std` stands for every channel.

    Raises ArchitectureInvalid.
    """
    try:
        parsed = _Input.model_validate(input_fields)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ArchitectureInvalid(f"`input.{place}`: {first['msg']}") from None
    mean = _per_channel("mean", parsed.mean, parsed.channels)
    std = _per_channel("std", parsed.std, parsed.channels)
    if min(std) <= 0:
        raise ArchitectureInvalid("`input.std` must be above 0")
    return ImageInput(parsed.channels, parsed.height, parsed.width, mean, std, parsed.resizes)


def _per_channel(name: str, value: float | list[float], channels: int) -> tuple[float, ...]:
    values = value if isinstance(value, list) else [value]
    if len(values) not in (1, channels):
        raise ArchitectureInvalid(f"`input.{name}` must have one number for each channel")
    return tuple(values) if len(values) == channels else tuple(values) * channels
