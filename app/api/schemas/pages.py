"""A page of any list."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class PageAnswer(BaseModel, Generic[Item]):
    """Items, newest first."""

    model_config = ConfigDict(from_attributes=True)

    items: list[Item]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one.")


class ListAnswer(BaseModel, Generic[Item]):
    """A list that is always whole."""

    model_config = ConfigDict(from_attributes=True)

    items: list[Item]
