"""What all records share: how they may be named, and the pages in which they are listed."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from app.domain.aliases import ALIAS_PATTERN, MOST_ALIAS_LETTERS

Item = TypeVar("Item")
PageLimit = Annotated[int, Query(ge=1, le=200, description="Items of one page.")]
PageCursor = Annotated[
    str | None, Query(description="`next_cursor` of the page before; none for the first page.")
]
RowOffset = Annotated[int, Query(ge=0, le=10**9, description="Rows to pass over.")]
# No `@` (it separates the version) and no slash (names stand in addresses).
RecordName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="Letters, digits, dots, hyphens and underscores; 100 at most.",
        examples=["intents"],
    ),
]
AliasName = Annotated[
    str,
    Field(
        pattern=ALIAS_PATTERN,
        max_length=MOST_ALIAS_LETTERS,
        description="Lower-case letters, digits, hyphens and underscores, not digits alone.",
        examples=["champion"],
    ),
]


class PageAnswer(BaseModel, Generic[Item]):
    """Items, newest first."""

    model_config = ConfigDict(from_attributes=True)

    items: list[Item]
    next_cursor: str | None = Field(description="Asks for the next page; null on the last one.")


class ListAnswer(BaseModel, Generic[Item]):
    """A list that is always whole."""

    model_config = ConfigDict(from_attributes=True)

    items: list[Item]
