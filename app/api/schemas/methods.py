"""What the API says about methods."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app.domain.enums import Companion, Format, Role, Task
from app.methods.contract import MethodSpec


class MethodAnswer(BaseModel):
    """A method of transfer."""

    name: str = Field(examples=["fine-tune"])
    family: str
    summary: str
    parameters: dict[str, Any] = Field(description="JSON schema of its parameters.")
    required_roles: list[Role]
    optional_roles: list[Role]
    one_of: list[Role] = Field(description="Roles of which at least one must be given.")
    companion: Companion = Field(description="Whether it takes a second model.")
    tasks: list[Task]
    formats: list[Format]


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
        companion=spec.companion,
        tasks=sorted(spec.tasks),
        formats=sorted(spec.formats),
    )
