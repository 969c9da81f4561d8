"""A model's file for download, as it is kept or as one ONNX graph with everything inside."""

from __future__ import annotations

import threading
from pathlib import Path

from pydantic import TypeAdapter

from app.artifacts.folders import open_folder
from app.domain.enums import Format, Task
from app.domain.errors import RejectedFile
from app.domain.errors.downloads import ExportBusy, ExportFailed, ExportUnsupported
from app.domain.errors.lookups import NotRecorded
from app.domain.models import Model, ModelFacts
from app.formats.reading_child import read_in_child
from app.services.context import Context

_TASKS = (Task.TEXT_CLASSIFICATION, Task.MULTI_LABEL_CLASSIFICATION)
_SECONDS = 600.0
_COME_BACK_SECONDS = 30
# What is kept of exports; those of which the download is longest ago go first.
_MOST_BYTES = 8 * 1024**3
_turn = threading.Lock()


def onnx_of(context: Context, model: Model) -> tuple[Path, str]:
    """The zip with the model's graph and tokenizer, and a name for it.

    Made in a child process at the first call, and kept by the digest of the model's file. Raises
    `NotRecorded` for a rejected model, `ExportUnsupported`, `ExportFailed` and `ExportBusy`.
    """
    if model.sha256 is None or model.facts is None:
        raise NotRecorded("artifact", model.id, "A rejected model keeps its record, not its file.")
    _require_exportable(model, model.facts)
    file = _place(context, model.sha256)
    if not file.is_file():
        if not _turn.acquire(blocking=False):
            raise ExportBusy(_COME_BACK_SECONDS)
        try:
            _make(context, model, model.facts, model.sha256, file)
        finally:
            _turn.release()
    file.touch()
    return file, f"{model.name}-{model.version}-onnx.zip"


def forget_onnx_of(context: Context, digest: str) -> None:
    """Delete what was made of a model whose file is gone."""
    _place(context, digest).unlink(missing_ok=True)


def _require_exportable(model: Model, facts: ModelFacts) -> None:
    if facts.format is not Format.HUGGINGFACE or facts.task not in _TASKS:
        raise ExportUnsupported(model.name, f"it is a {facts.format} model for {facts.task}")


def _make(context: Context, model: Model, facts: ModelFacts, digest: str, file: Path) -> None:
    limits = context.settings
    file.parent.mkdir(parents=True, exist_ok=True)
    folder = open_folder(
        context.artifacts, digest, limits.max_unpacked_bytes, limits.max_archive_members
    )
    with context.artifacts.workspace() as workspace:
        fresh = workspace / "export.zip"
        order = {
            "folder": str(folder.resolve()),
            "facts": TypeAdapter(ModelFacts).dump_python(facts, mode="json"),
            "name": model.name,
            "sha256": digest,
            "file": str(fresh.resolve()),
        }
        target = "app.runtimes.onnx.download:write_download"
        try:
            read_in_child(target, order, _SECONDS, limits.inspection_memory_bytes)
        except RejectedFile as problem:
            reason = str(problem.fields.get("reason") or problem.message).rstrip(".")
            raise ExportFailed(model.name, reason) from None
        fresh.replace(file)
    _forget_oldest(file)


def _forget_oldest(newest: Path) -> None:
    """Keep what fits, the newest whatever its size."""
    files = sorted(newest.parent.glob("*.zip"), key=lambda one: one.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > _MOST_BYTES and file != newest:
            file.unlink(missing_ok=True)


def _place(context: Context, digest: str) -> Path:
    return context.settings.data_dir / "exports" / f"{digest}.zip"
