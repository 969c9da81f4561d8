"""Answers about methods."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app.domain.enums import AuxiliaryModelUse, Format, Role, Task
from app.methods.contract import MethodSpec


class MethodAnswer(BaseModel):
    """A method of transfer."""

    name: str = Field(examples=["fine-tune"])
    family: str = Field(description="What it learns from.", examples=["target-model transfer"])
    summary: str = Field(description="What it does, in a sentence.")
    parameters: dict[str, Any] = Field(description="JSON schema of its parameters.")
    required_roles: list[Role] = Field(description="Datasets that it cannot do without.")
    optional_roles: list[Role] = Field(description="Datasets that it also has a use for.")
    one_of: list[Role] = Field(description="Roles of which at least one must be given.")
    auxiliary_model: AuxiliaryModelUse = Field(description="Whether it takes a second model.")
    tasks: list[Task] = Field(description="What a source model may do.")
    formats: list[Format] = Field(description="The layouts of source models that it reads.")


def method_answer(spec: MethodSpec) -> MethodAnswer:
    """The answer for one method."""
    return MethodAnswer(
        name=spec.name,
        family=spec.family,
        summary=spec.summary,
        parameters=spec.parameters.model_json_schema(),
        required_roles=sorted(spec.required_roles),
        optional_roles=sorted(spec.optional_roles),
        one_of=sorted(spec.one_of),
        auxiliary_model=spec.auxiliary_model,
        tasks=sorted(spec.tasks),
        formats=sorted(spec.formats),
    )
