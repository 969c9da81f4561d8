"""Between the frozen dataclasses of the domain and rows of the tables, in this place alone."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import Row

R = TypeVar("R")


def to_row(record: Any) -> dict[str, Any]:
    """A dataclass's fields as column values; `Json` columns take nested dataclasses as they are."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def from_row(kind: type[R], row: Row[Any]) -> R:
    """The dataclass `kind` from a row; columns that it has no field for are left out."""
    record: R = _adapter(cast(Hashable, kind)).validate_python(dict(row._mapping))
    return record


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))
