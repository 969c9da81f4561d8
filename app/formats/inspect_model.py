"""Establishes what an uploaded model is, in a child process."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from app.domain.models import ModelFacts, ModelHints
from app.formats.reading_child import read_in_child
from app.settings import Settings

_FACTS = TypeAdapter(ModelFacts)


def inspect_model(
    upload: Path, filename: str, hints: ModelHints, folder: Path, limits: Settings
) -> ModelFacts:
    """The facts of the model in `upload`, which the user calls `filename`.

    Its content lies in `folder` (absent before) afterwards. Raises a RejectedFile whose code and
    advice say what is wrong; `folder` may then be there or not.
    """
    arguments = {
        "upload": str(upload.resolve()),
        "filename": filename,
        "hints": {
            "labels": list(hints.labels),
            "input": hints.input,
            "vectors": hints.vectors,
        },
        "folder": str(folder.resolve()),
        "max_bytes": limits.max_unpacked_bytes,
        "max_members": limits.max_archive_members,
    }
    facts = read_in_child(
        "app.formats.read_model:read_model",
        arguments,
        limits.inspection_seconds,
        limits.inspection_memory_bytes,
    )
    return _FACTS.validate_python(facts)
