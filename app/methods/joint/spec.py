"""What `joint` is, for the catalog."""

from __future__ import annotations

from pydantic import Field

from app.domain.enums import Format, Role, Task
from app.methods.contract import MethodSpec
from app.methods.training_parameters import TrainingParameters


class JointParameters(TrainingParameters):
    """The parameters of `joint`."""

    target_share: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Share of each batch drawn from the target rows; the rest are source rows, "
        "replayed so that the source language is not forgotten.",
    )


SPEC = MethodSpec(
    name="joint",
    family="joint transfer",
    summary="Train on source and target rows mixed in every batch.",
    parameters=JointParameters,
    required_roles=frozenset({Role.TRAIN, Role.SOURCE}),
    optional_roles=frozenset({Role.VALIDATION, Role.TEST, Role.SOURCE_TEST}),
    tasks=frozenset(Task),
    formats=frozenset(Format),
    run="app.methods.joint.run:run",
)
