"""The `input` of `architecture.json` as an ImageInput."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.errors.declared_network import ArchitectureInvalid
from app.domain.models import ImageInput

_Side = Annotated[int, Field(ge=1, le=2048)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    channels: Annotated[int, Field(ge=1, le=16)]
    height: _Side
    width: _Side
    mean: float | list[float] = 0.0
    std: float | list[float] = 1.0
    resizes: bool = False


def read_image_input(said: dict[str, Any]) -> ImageInput:
    """The images a network takes; a single `mean` or `std` stands for every channel.

    Raises ArchitectureInvalid.
    """
    try:
        given = _Input.model_validate(said)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ArchitectureInvalid(f"`input.{place}`: {first['msg']}") from None
    mean = _per_channel("mean", given.mean, given.channels)
    std = _per_channel("std", given.std, given.channels)
    if min(std) <= 0:
        raise ArchitectureInvalid("`input.std` must be above 0")
    return ImageInput(given.channels, given.height, given.width, mean, std, given.resizes)


def _per_channel(name: str, value: float | list[float], channels: int) -> tuple[float, ...]:
    values = value if isinstance(value, list) else [value]
    if len(values) not in (1, channels):
        raise ArchitectureInvalid(f"`input.{name}` must have one number for each channel")
    return tuple(values) if len(values) == channels else tuple(values) * channels
