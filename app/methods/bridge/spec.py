"""The specification of `bridge`, and its check before anything is loaded."""

from __future__ import annotations

from pydantic import Field

from app.domain.enums import AuxiliaryModelUse, Format, Role, Task
from app.domain.errors.methods import NothingToBridge, TooFewRowsForMap, TooFewRowsToCentre
from app.learn.data.examples import MIN_TEXTS_TO_CENTRE
from app.methods.contract import MethodRequest, MethodSpec, Parameters

_SOURCE_ROLES = (Role.SOURCE, Role.SOURCE_UNLABELLED, Role.PARALLEL)
_TARGET_ROLES = (Role.UNLABELLED, Role.PARALLEL)


def check(request: MethodRequest) -> None:
    """Raises NothingToBridge, TooFewRowsForMap and TooFewRowsToCentre."""
    source = sum(request.rows.get(role, 0) for role in _SOURCE_ROLES)
    target = sum(request.rows.get(role, 0) for role in _TARGET_ROLES)
    if request.auxiliary_model is None and not (target and request.parameters.centring):
        raise NothingToBridge
    if request.auxiliary_model is not None and source <= (request.parameters.rank or 1):
        raise TooFewRowsForMap(source, request.parameters.rank or 1)
    if target and request.parameters.centring:
        for name, rows in (("the source language", source), ("the target language", target)):
            if rows < MIN_TEXTS_TO_CENTRE:
                raise TooFewRowsToCentre(name, rows, MIN_TEXTS_TO_CENTRE)


class BridgeParameters(Parameters):
    """The parameters of `bridge`."""

    centring: bool = Field(
        True,
        description="Shift the vectors of each language onto the source language's by the "
        "difference of their means; needs target-language text (`unlabelled` or `parallel`).",
    )
    fragments: bool = Field(
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
    run="app.methods.bridge.method:run",
    auxiliary_model=AuxiliaryModelUse.OPTIONAL,
    check=check,
)
