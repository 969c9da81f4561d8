"""The layers that `architecture.json` may name: torch.nn's own names, arguments and defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Width = Annotated[int, Field(ge=1, le=65_536)]
Features = Annotated[int, Field(ge=1, le=4_194_304)]
Step = Annotated[int, Field(ge=1, le=256)]
Border = Annotated[int, Field(ge=0, le=256)]
Steps = Step | tuple[Step, Step]
Borders = Border | tuple[Border, Border]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


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
    kernel_size: Steps
    stride: Steps = 1
    padding: Literal["valid", "same"] | Borders = 0
    dilation: Steps = 1
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
    kernel_size: Steps
    stride: Steps | None = None
    padding: Borders = 0
    dilation: Steps = 1
    ceil_mode: bool = False


class AvgPool2d(Layer):
    """The mean of each window."""

    type: Literal["AvgPool2d"]
    kernel_size: Steps
    stride: Steps | None = None
    padding: Borders = 0
    ceil_mode: bool = False
    count_include_pad: bool = True


class AdaptivePool2d(Layer):
    """Pooling to a fixed size."""

    type: Literal["AdaptiveAvgPool2d", "AdaptiveMaxPool2d"]
    output_size: Steps


class Dropout(Layer):
    """Dropout, in training alone."""

    type: Literal["Dropout", "Dropout2d"]
    p: Share = 0.5


class Flatten(Layer):
    """All dimensions after the batch as one."""

    type: Literal["Flatten"]
    start_dim: Literal[1] = 1
    end_dim: Literal[-1] = -1


class ZeroPad2d(Layer):
    """A border of zeros."""

    type: Literal["ZeroPad2d"]
    padding: Border | tuple[Border, Border, Border, Border]


class Plain(Layer):
    """What takes no argument."""

    type: Literal["Identity", "Sigmoid", "Tanh", "SiLU", "Mish", "ReLU", "ReLU6", "Hardswish"]


class LeakyReLU(Layer):
    """A ReLU that lets a share of negative values through."""

    type: Literal["LeakyReLU"]
    negative_slope: Share = 0.01


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
