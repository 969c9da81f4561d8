"""JSON files of a model folder, read with distrust."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.domain.errors.model_files import FileInvalid

_LARGEST_BYTES = 16 * 1024**2
Described = TypeVar("Described", bound=BaseModel)


def read_json_object(file: Path) -> dict[str, Any]:
    """The JSON object in `file`; raises FileInvalid when it is anything else."""
    if file.stat().st_size > _LARGEST_BYTES:
        raise FileInvalid(file.name, f"it has more than {_LARGEST_BYTES:,} bytes")
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        raise FileInvalid(file.name, f"it is no JSON in UTF-8 ({problem})") from None
    if not isinstance(content, dict):
        raise FileInvalid(file.name, "it holds no JSON object")
    return content


def read_json_model(file: Path, kind: type[Described]) -> Described:
    """The JSON object in `file` as a `kind`; raises FileInvalid, which names what does not fit."""
    try:
        return kind.model_validate(read_json_object(file))
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FileInvalid(file.name, f"`{place}`: {first['msg']}") from None
