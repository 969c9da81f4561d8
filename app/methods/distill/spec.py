"""What `distill` is, for the catalog."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from app.domain.enums import Companion, Format, Role, Task
from app.methods.contract import MethodSpec
from app.methods.distill.check import check
from app.methods.training_parameters import GradientParameters


class Target(StrEnum):
    """What of the source model the student learns."""

    VECTORS = "vectors"
    LOGITS = "logits"


class DistillParameters(GradientParameters):
    """The parameters of `distill`."""

    target: Target = Field(
        Target.VECTORS,
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
    run="app.methods.distill.run:run",
    companion=Companion.REQUIRED,
    check=check,
)
