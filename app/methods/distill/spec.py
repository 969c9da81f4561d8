"""The specification of `distill`, and its check before anything is loaded."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from app.domain.enums import AuxiliaryModelUse, Format, Role, Task
from app.domain.errors.methods import TooFewRowsForMap
from app.methods.contract import MethodRequest, MethodSpec
from app.methods.fine_tune.spec import GradientParameters


def check(request: MethodRequest) -> None:
    """Raises TooFewRowsForMap."""
    roles = (Role.PARALLEL, Role.SOURCE, Role.SOURCE_UNLABELLED)
    rows, rank = sum(request.rows.get(role, 0) for role in roles), request.parameters.rank or 1
    if rows <= rank:
        raise TooFewRowsForMap(rows, rank)


class DistillationTarget(StrEnum):
    """What of the source model the student learns."""

    VECTORS = "vectors"
    LOGITS = "logits"


class DistillParameters(GradientParameters):
    """The parameters of `distill`."""

    target: DistillationTarget = Field(
        DistillationTarget.VECTORS,
        description="vectors: come close to the source model's sentence vectors (squared error); "
        "logits: give the probabilities that it gives (Kullback-Leibler divergence).",
    )
    temperature: float = Field(
        2.0, gt=0, le=100, description="Softens the probabilities compared where target is logits."
    )
    rank: int | None = Field(
        None,
        ge=1,
        le=8192,
        description="Rank of the map that the student starts with, as in `bridge`.",
    )


SPEC = MethodSpec(
    name="distill",
    family="source-model transfer",
    summary="From sentence pairs, train a multilingual encoder before the model's own head to say "
    "in both languages what the model says in its own; needs no target labels.",
    parameters=DistillParameters,
    required_roles=frozenset({Role.PARALLEL}),
    optional_roles=frozenset({Role.SOURCE, Role.SOURCE_UNLABELLED, Role.VALIDATION}),
    tasks=frozenset(
        {Task.TEXT_CLASSIFICATION, Task.MULTI_LABEL_CLASSIFICATION, Task.FEATURE_EXTRACTION}
    ),
    formats=frozenset({Format.HUGGINGFACE}),
    run="app.methods.distill.method:run",
    auxiliary_model=AuxiliaryModelUse.REQUIRED,
    check=check,
)
