"""What `bridge` is, for the catalog."""

from __future__ import annotations

from pydantic import Field

from app.domain.enums import Companion, Format, Role, Task
from app.methods.bridge.check import check
from app.methods.contract import MethodSpec, Parameters


class BridgeParameters(Parameters):
    """The parameters of `bridge`."""

    centring: bool = Field(
        True,
        description="Shift the vectors of each language onto the source language's by the "
        "difference of their means; needs target-language text (`unlabelled` or `parallel`).",
    )
    pieces: bool = Field(
        True,
        description="Fit the map on the halves and quarters of each source text as well.",
    )
    rank: int | None = Field(
        None,
        ge=1,
        le=8192,
        description="Directions that the map between the encoders keeps, which needs more "
        "different source texts than that; null: all, as many as the narrower encoder has.",
    )
    strength: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Ridge, as a multiple of the vectors' mean variance; null: the one by which, "
        "in cross-validation, the model answers most as it did.",
    )


SPEC = MethodSpec(
    name="bridge",
    family="source-model transfer",
    summary="Keep the model's classifier as it is and put a multilingual encoder before it, "
    "through a linear map fitted on source-language text; needs no target labels.",
    parameters=BridgeParameters,
    required_roles=frozenset(),
    optional_roles=frozenset({Role.UNLABELLED}),
    one_of=frozenset({Role.SOURCE, Role.SOURCE_UNLABELLED, Role.PARALLEL}),
    tasks=frozenset(
        {Task.TEXT_CLASSIFICATION, Task.MULTI_LABEL_CLASSIFICATION, Task.FEATURE_EXTRACTION}
    ),
    formats=frozenset({Format.HUGGINGFACE}),
    run="app.methods.bridge.run:run",
    companion=Companion.OPTIONAL,
    check=check,
)
