"""The specification of `auto`."""

from __future__ import annotations

from pydantic import Field

from app.domain.enums import AuxiliaryModelUse, Format, Role, Task
from app.methods.contract import MethodSpec, Parameters


class AutoParameters(Parameters):
    """The parameters of `auto`."""

    seconds: float = Field(
        600.0,
        gt=0,
        le=7 * 24 * 3600,
        description="Time for comparing candidates; the quickest is compared in any case, and the "
        "chosen one's last fit comes on top. Which of the slow candidates are reached depends on "
        "the machine; all else follows from the seed.",
    )
    body_rows: int = Field(
        100,
        ge=2,
        le=1_000_000,
        description="Labelled target rows, validation included, from which on candidates that "
        "train more than the head are tried; fewer could not show that they are better.",
    )


SPEC = MethodSpec(
    name="auto",
    family="choice",
    summary="Try the methods that the data allows, cheap ones first, and keep the one that "
    "cross-validation on the target rows prefers.",
    parameters=AutoParameters,
    required_roles=frozenset({Role.TRAIN}),
    optional_roles=frozenset(Role) - {Role.TRAIN},
    tasks=frozenset(Task),
    formats=frozenset(Format),
    run="app.methods.auto.method:run",
    auxiliary_model=AuxiliaryModelUse.OPTIONAL,
)
