"""Reads an uploaded model: what `inspect_model` does, on the child's side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.artifacts.folders import unfold
from app.artifacts.git_lfs import refuse_pointer
from app.artifacts.members import is_archive
from app.artifacts.single_files import ONNX_FILE, single_file_name
from app.domain.errors.model_files import FileEmpty, FormatUnknown
from app.domain.models import ModelFacts, ModelHints
from app.formats.catalog import recognise
from app.formats.code_formats import refuse_code
from app.formats.model_folder import settle_model_folder

# The field `ir_version`, with which every exporter begins an ONNX file.
_ONNX_START = b"\x08"


def read_model(
    upload: str,
    filename: str,
    hints: dict[str, Any],
    folder: str,
    max_bytes: int,
    max_members: int,
) -> dict[str, Any]:
    """Unpack `upload` into `folder`, choose its format, run it once; the facts as JSON.

    Raises RejectedFile leaves of `errors/archives.py`, `errors/model_files.py` and the formats.
    """
    file, target = Path(upload), Path(folder)
    if file.stat().st_size == 0:
        raise FileEmpty(filename)
    refuse_pointer(file, filename)
    refuse_code(file, filename)
    if not (is_archive(file) or _is_vectors(file) or _may_be_onnx(file, filename)):
        raise FormatUnknown([filename])
    unfold(file, target, max_bytes, max_members)
    notes = settle_model_folder(target)
    asked = ModelHints(tuple(hints["labels"]), hints["input"], hints.get("vectors", {}))
    facts = recognise(target).inspect(target, asked)
    facts = replace(facts, notes=(*notes, *facts.notes))
    dumped: dict[str, Any] = TypeAdapter(ModelFacts).dump_python(facts, mode="json")
    return dumped


def _is_vectors(file: Path) -> bool:
    return single_file_name(file) != ONNX_FILE


def _may_be_onnx(file: Path, filename: str) -> bool:
    with file.open("rb") as handle:
        return filename.lower().endswith(".onnx") or handle.read(1) == _ONNX_START
