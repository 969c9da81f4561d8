"""A text classifier for download in another form: one ONNX graph, or modules of one language."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.artifacts.folders import open_folder
from app.domain.enums import EvaluationKind, Format, Task
from app.domain.errors import BabelportError, RejectedFile
from app.domain.errors.downloads import (
    ExportBusy,
    ExportFailed,
    ExportUnsupported,
    LanguageNotInBridge,
    ModulesUnsupported,
)
from app.domain.errors.lookups import NotRecorded
from app.domain.models import Model, ModelFacts
from app.formats.reading_child import read_in_child
from app.services.context import Context
from app.store import datasets, evaluations

_TASKS = (Task.TEXT_CLASSIFICATION, Task.MULTI_LABEL_CLASSIFICATION)
_SECONDS = 600.0
_COME_BACK_SECONDS = 30
# What is kept of exports; those of which the download is longest ago go first.
_MOST_BYTES = 8 * 1024**3


class _Turn:
    """One export at a time, and which it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: Path | None = None

    @contextmanager
    def of(self, file: Path) -> Iterator[None]:
        """Hold the turn while `file` is made; raises `ExportBusy` where another one is."""
        if not self._lock.acquire(blocking=False):
            raise ExportBusy(_COME_BACK_SECONDS, same=self._file == file)
        self._file = file
        try:
            yield
        finally:
            self._file = None
            self._lock.release()


_turn = _Turn()


def onnx_of(context: Context, model: Model) -> tuple[Path, str]:
    """The zip with the model's graph and tokenizer, and a name for it.

    Made in a child process at the first call, and kept by the digest of the model's file. Raises
    `NotRecorded` for a rejected model, `ExportUnsupported`, `ExportFailed` and `ExportBusy`.
    """
    digest, facts = _exportable(model)
    file = context.settings.data_dir / "exports" / f"{digest}.zip"
    target = "app.runtimes.onnx.download:write_download"
    _make_once(context, model, _Export(file, digest, target, _order(model, digest, facts)))
    return file, f"{model.name}-{model.version}-onnx.zip"


def modules_of(context: Context, model: Model, language: str | None) -> tuple[Path, str]:
    """The zip with the model as modules of sentence-transformers, and a name for it.

    Its shift is fixed to `language`; a model that shifts none takes None. The answers on the kept
    rows of the model's own evaluations, with the language chosen and fixed, are in its README.
    Made and kept as `onnx_of` does, and raises the same, `LanguageNotInBridge` and
    `ModulesUnsupported`.
    """
    digest, facts = _exportable(model)
    held_out = _held_out(context, model)
    measured = hashlib.sha256(json.dumps([model.name, held_out]).encode()).hexdigest()[:16]
    name = f"{digest}-{language or 'none'}-{measured}.zip"
    order = _order(model, digest, facts) | {"language": language, "held_out": held_out}
    target = "app.formats.huggingface.sentence_transformers_export:write_modules"
    file = context.settings.data_dir / "exports" / name
    _make_once(context, model, _Export(file, digest, target, order))
    kind = "sentence-transformers" if language is None else f"sentence-transformers-{language}"
    return file, f"{model.name}-{model.version}-{kind}.zip"


def forget_downloads_of(context: Context, digest: str) -> None:
    """Delete what was made of a model whose file is gone."""
    for file in (context.settings.data_dir / "exports").glob(f"{digest}*.zip"):
        file.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Export:
    """What is made of the file `digest`: `target` writes `file` by the arguments `order`."""

    file: Path
    digest: str
    target: str
    order: dict[str, Any]


def _exportable(model: Model) -> tuple[str, ModelFacts]:
    if model.sha256 is None or model.facts is None:
        raise NotRecorded("artifact", model.id, "A rejected model keeps its record, not its file.")
    facts = model.facts
    if facts.format is not Format.HUGGINGFACE or facts.task not in _TASKS:
        raise ExportUnsupported(model.name, f"it is a {facts.format} model for {facts.task}")
    return model.sha256, facts


def _order(model: Model, digest: str, facts: ModelFacts) -> dict[str, Any]:
    told = TypeAdapter(ModelFacts).dump_python(facts, mode="json")
    return {"facts": told, "name": model.name, "sha256": digest}


def _held_out(context: Context, model: Model) -> list[dict[str, str]]:
    """The tables of rows that the model's own transfer asked it, the target language's first."""
    if model.transfer_id is None:
        return []
    found = []
    with context.readers() as session:
        made = evaluations.of_transfer(session, model.transfer_id)
        for kind in (EvaluationKind.TRANSFERRED, EvaluationKind.SOURCE_AFTER):
            for one in made:
                dataset = datasets.get(session, one.dataset_id)
                if one.kind is kind and one.model_id == model.id and one.predictions_sha256:
                    file = context.artifacts.path(one.predictions_sha256)
                    language = "unknown" if dataset is None else dataset.language
                    found.append({"file": str(file.resolve()), "language": language})
    return found


def _make_once(context: Context, model: Model, export: _Export) -> None:
    if not export.file.is_file():
        with _turn.of(export.file):
            _make(context, model, export)
    export.file.touch()


def _make(context: Context, model: Model, export: _Export) -> None:
    limits = context.settings
    export.file.parent.mkdir(parents=True, exist_ok=True)
    folder = open_folder(
        context.artifacts, export.digest, limits.max_unpacked_bytes, limits.max_archive_members
    )
    with context.artifacts.workspace() as workspace:
        fresh = workspace / "export.zip"
        order = export.order | {"folder": str(folder.resolve()), "file": str(fresh.resolve())}
        try:
            read_in_child(export.target, order, _SECONDS, limits.inspection_memory_bytes)
        except RejectedFile as problem:
            raise _refusal(model, problem) from None
        fresh.replace(export.file)
    _forget_oldest(export.file)


def _refusal(model: Model, problem: RejectedFile) -> BabelportError:
    """What the child process raised, as itself; anything else is a failure."""
    fields = problem.fields
    if problem.code == LanguageNotInBridge.code:
        return LanguageNotInBridge(model.name, fields["language"], fields["known"])
    if problem.code == ModulesUnsupported.code:
        return ModulesUnsupported(model.name, fields["reason"])
    return ExportFailed(model.name, str(fields.get("reason") or problem.message).rstrip("."))


def _forget_oldest(newest: Path) -> None:
    """Keep what fits, the newest whatever its size."""
    files = sorted(newest.parent.glob("*.zip"), key=lambda one: one.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > _MOST_BYTES and file != newest:
            file.unlink(missing_ok=True)
