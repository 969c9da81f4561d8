"""JSON files of a model folder, read with distrust, and the labels that a model gets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.domain.errors.model_files import FileInvalid, LabelsDoNotFit

_MAX_JSON_BYTES = 16 * 1024**2
MAX_LABELS = 100_000
SchemaT = TypeVar("SchemaT", bound=BaseModel)


def read_json_object(file: Path) -> dict[str, Any]:
    """The JSON object in `file`; raises FileInvalid when it is anything else."""
    if file.stat().st_size > _MAX_JSON_BYTES:
        raise FileInvalid(file.name, f"it has more than {_MAX_JSON_BYTES:,} bytes")
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        raise FileInvalid(file.name, f"it is no JSON in UTF-8 ({problem})") from None
    if not isinstance(content, dict):
        raise FileInvalid(file.name, "it holds no JSON object")
    return content


def read_json_model(file: Path, kind: type[SchemaT]) -> SchemaT:
    """The JSON object in `file` as a `kind`; raises FileInvalid, which names what does not fit."""
    try:
        return kind.model_validate(read_json_object(file))
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FileInvalid(file.name, f"`{place}`: {first['msg']}") from None


def choose_labels(written: Sequence[str], hinted: Sequence[str], outputs: int) -> tuple[str, ...]:
    """`written` in the file wins over `hinted`; with neither, "0" to the last class's number.

    Raises LabelsDoNotFit when the winner's count is not `outputs`.
    """
    labels = tuple(written) or tuple(hinted) or tuple(str(n) for n in range(outputs))
    if len(labels) != outputs or len(set(labels)) != outputs:
        raise LabelsDoNotFit(len(set(labels)), outputs)
    return labels


def checked_labels(file: str, value: Any) -> tuple[str, ...]:
    """`value` from a JSON file as labels, whole numbers as their digits.

    Raises FileInvalid unless it lists distinct texts.
    """
    if isinstance(value, list):
        value = [str(one) if type(one) is int else one for one in value]
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise FileInvalid(file, "`labels` must be a list of non-empty texts or whole numbers")
    if len(set(value)) != len(value) or len(value) > MAX_LABELS:
        raise FileInvalid(file, f"`labels` must be distinct and at most {MAX_LABELS:,}")
    return tuple(value)
