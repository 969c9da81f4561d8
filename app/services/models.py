"""Use cases of models: register one, find it, trace where it came from, export it, delete it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from app.artifacts.archive import open_folder
from app.domain.enums import EvaluationKind, Format, ModelStatus, Task
from app.domain.errors import BabelportError, RejectedFile
from app.domain.errors.model_files import (
    ExportBusy,
    ExportFailed,
    ExportUnsupported,
    LanguageNotInBridge,
    ModulesUnsupported,
)
from app.domain.errors.predictions import ModelCannotPredict, WindowUnusable
from app.domain.errors.requests import ModelNotFound, NotRecorded
from app.domain.identity import new_id, now
from app.domain.models import Compiled, Model, ModelFacts, ModelHints, Servable
from app.domain.predictions import Window
from app.formats.reading_child import inspect_model, read_in_child
from app.services.artifacts import Upload, publish
from app.services.context import Context
from app.store import aliases, datasets, evaluations, models, transfers

_EXPORT_TASKS = (Task.TEXT_CLASSIFICATION, Task.MULTI_LABEL_CLASSIFICATION)
_EXPORT_SECONDS = 600.0
_RETRY_AFTER_SECONDS = 30
# What is kept of exports; those of which the download is longest ago go first.
_MAX_EXPORT_BYTES = 8 * 1024**3


@dataclass(frozen=True)
class ModelDetails:
    """What the user says about an uploaded model; `name` None means after its file."""

    languages: tuple[str, ...]
    name: str | None = None
    hints: ModelHints = field(default_factory=ModelHints)


@dataclass(frozen=True)
class InspectedModel:
    """An upload that was read and found good; `folder` holds it unpacked."""

    upload: Upload
    details: ModelDetails
    facts: ModelFacts
    folder: Path


@dataclass(frozen=True)
class Ancestor:
    """A model that another came from, and the transfer between.

    `model` is None when it was deleted since; `method` and `language` are the transfer's.
    """

    id: str
    model: Model | None
    transfer_id: str | None = None
    method: str | None = None
    language: str | None = None


def register_model(
    context: Context, upload: Upload, details: ModelDetails
) -> Callable[[Session], Model]:
    """Read an upload; what is returned records it, as ready or, without its bytes, as rejected."""
    try:
        read = inspect_uploaded_model(context, upload, details)
    except RejectedFile as reason:
        return partial(_record_rejected, upload, details, reason)
    return partial(_record_ready, context, read)


def inspect_uploaded_model(
    context: Context, upload: Upload, details: ModelDetails
) -> InspectedModel:
    """Read an upload in a child process; raises a `RejectedFile` and changes nothing."""
    folder = upload.path.with_name(upload.path.name + ".unpacked")
    facts = inspect_model(upload.path, upload.filename, details.hints, folder, context.settings)
    return InspectedModel(upload, details, facts, folder)


def record_model(session: Session, read: InspectedModel, digest: str) -> Model:
    """Insert the row of a model that was read and published, as the next version of its name."""
    model = _record(session, read.upload, read.details, sha256=digest, facts=read.facts)
    models.insert(session, model)
    return model


def find_model(session: Session, reference: str) -> Model:
    """The model by id, name (its newest ready version), name@version or name@alias.

    Raises `ModelNotFound`.
    """
    found = models.get(session, reference)
    if found is None:
        name, _, version = reference.partition("@")
        if not version:
            found = models.find(session, name)
        elif version.isascii() and version.isdigit() and len(version) < 10:
            found = models.find(session, name, int(version))
        else:
            found = aliases.find_model(session, name, version)
    if found is None:
        raise ModelNotFound(reference)
    return found


def lineage(session: Session, model: Model) -> list[Ancestor]:
    """The models that `model` came from, the nearest first, each with the transfer between."""
    ancestors = []
    step: Model | None = model
    while step is not None and step.parent_id is not None:
        parent = models.get(session, step.parent_id)
        ancestors.append(_ancestor(session, step, step.parent_id, parent))
        step = parent
    return ancestors


def artifact_of(context: Context, model: Model) -> tuple[Path, str]:
    """The model's file, and a name for it; raises `NotRecorded` for a rejected model."""
    if model.sha256 is None:
        raise NotRecorded("artifact", model.id, "A rejected model keeps its record, not its file.")
    path = context.artifacts.path(model.sha256)
    with path.open("rb") as file:
        start = file.read(4)
    return path, f"{model.name}-{model.version}{_file_suffix(start, model.facts)}"


def delete_model(session: Session, model: Model) -> list[str]:
    """Delete a model's row and what it was compiled into; the digests to drop after the commit.

    Raises `NeededByTransfers` while a queued or running transfer starts from it, `NeededByAlias`
    while an alias points to it.
    """
    digests = (model.sha256, models.compiled_digest(session, model.id))
    models.delete(session, model.id)
    return [digest for digest in digests if digest is not None]


def _file_suffix(start: bytes, facts: ModelFacts | None) -> str:
    """A file's usual ending, by its first bytes and by what it holds."""
    vectors = facts is not None and facts.format is Format.WORD_VECTORS
    if start.startswith(b"PK\x03\x04"):
        return ".zip"
    if start.startswith(b"\x1f\x8b"):
        return ".vec.gz" if vectors else ".tar.gz"
    if vectors:
        return ".vec"
    return ".onnx" if facts is not None and facts.format is Format.ONNX else ".tar"


def _ancestor(session: Session, child: Model, id: str, parent: Model | None) -> Ancestor:
    transfer = transfers.get(session, child.transfer_id) if child.transfer_id else None
    if transfer is None:
        return Ancestor(id, parent, child.transfer_id)
    return Ancestor(id, parent, transfer.id, transfer.spec.method, transfer.spec.language)


def _record_ready(context: Context, read: InspectedModel, session: Session) -> Model:
    file = read.upload.path
    [digest] = publish(context, session, [file], {file: read.folder})
    return record_model(session, read, digest)


def _record_rejected(
    upload: Upload, details: ModelDetails, reason: RejectedFile, session: Session
) -> Model:
    model = _record(session, upload, details, rejection=reason.as_dict())
    models.insert(session, model)
    return model


def _record(session: Session, upload: Upload, details: ModelDetails, **outcome: Any) -> Model:
    name = details.name or upload.stem
    return Model(
        id=new_id("mdl"),
        name=name,
        version=models.next_version(session, name),
        status=ModelStatus.REJECTED if "rejection" in outcome else ModelStatus.READY,
        languages=details.languages,
        created_at=now(),
        size_bytes=upload.size_bytes,
        **outcome,
    )


def servable_of(session: Session, model: Model) -> Servable:
    """The model as it is served; raises `ModelCannotPredict` for a rejected one."""
    if model.facts is None or model.sha256 is None:
        reason, advice = "its file was rejected", "Read the model's `rejection` and upload again."
        raise ModelCannotPredict(model.name, reason, advice)
    found = model.serving
    compiled = Compiled(found.engine, found.precision, found.sha256) if found else None
    return Servable(model.id, model.name, model.version, model.sha256, model.facts, compiled)


def require_windows_fit(facts: ModelFacts, window: Window | None) -> None:
    """Raises `WindowUnusable` where a window is given for another model than of texts' labels."""
    classifies = facts.task in (Task.TEXT_CLASSIFICATION, Task.MULTI_LABEL_CLASSIFICATION)
    if window is not None and not classifies:
        raise WindowUnusable(facts.task)


class _ExportLock:
    """One export at a time, and which it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: Path | None = None

    @contextmanager
    def hold(self, file: Path) -> Iterator[None]:
        """Hold the lock while `file` is made; raises `ExportBusy` where another one is."""
        if not self._lock.acquire(blocking=False):
            raise ExportBusy(_RETRY_AFTER_SECONDS, same=self._file == file)
        self._file = file
        try:
            yield
        finally:
            self._file = None
            self._lock.release()


_export_lock = _ExportLock()


def export_onnx(context: Context, model: Model) -> tuple[Path, str]:
    """The zip with the model's graph and tokenizer, and a name for it.

    Made in a child process at the first call, and kept by the digest of the model's file. Raises
    `NotRecorded` for a rejected model, `ExportUnsupported`, `ExportFailed` and `ExportBusy`.
    """
    digest, facts = _exportable(model)
    file = context.settings.data_dir / "exports" / f"{digest}.zip"
    target = "app.runtimes.onnx.download:write_download"
    _export_once(
        context, model, _Export(file, digest, target, _export_arguments(model, digest, facts))
    )
    return file, f"{model.name}-{model.version}-onnx.zip"


def export_sentence_transformers(
    context: Context, model: Model, language: str | None
) -> tuple[Path, str]:
    """The zip with the model as modules of sentence-transformers, and a name for it.

    Its shift is fixed to `language`; a model that shifts none takes None. The answers on the kept
    rows of the model's own evaluations, with the language chosen and fixed, are in its README.
    Made and kept as by `export_onnx`; raises the same, `LanguageNotInBridge` and
    `ModulesUnsupported`.
    """
    digest, facts = _exportable(model)
    held_out = _evaluation_tables(context, model)
    cost_key = hashlib.sha256(json.dumps([model.name, held_out]).encode()).hexdigest()[:16]
    name = f"{digest}-{language or 'none'}-{cost_key}.zip"
    arguments = _export_arguments(model, digest, facts) | {
        "language": language,
        "held_out": held_out,
    }
    target = "app.formats.huggingface.sentence_transformers_export:write_modules"
    file = context.settings.data_dir / "exports" / name
    _export_once(context, model, _Export(file, digest, target, arguments))
    kind = "sentence-transformers" if language is None else f"sentence-transformers-{language}"
    return file, f"{model.name}-{model.version}-{kind}.zip"


def delete_exports(context: Context, digest: str) -> None:
    """Delete what was made of a model whose file is gone."""
    for file in (context.settings.data_dir / "exports").glob(f"{digest}*.zip"):
        file.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Export:
    """What is made of the file `digest`: `target`, called with `arguments`, writes `file`."""

    file: Path
    digest: str
    target: str
    arguments: dict[str, Any]


def _exportable(model: Model) -> tuple[str, ModelFacts]:
    if model.sha256 is None or model.facts is None:
        raise NotRecorded("artifact", model.id, "A rejected model keeps its record, not its file.")
    facts = model.facts
    if facts.format is not Format.HUGGINGFACE or facts.task not in _EXPORT_TASKS:
        raise ExportUnsupported(model.name, f"it is a {facts.format} model for {facts.task}")
    return model.sha256, facts


def _export_arguments(model: Model, digest: str, facts: ModelFacts) -> dict[str, Any]:
    facts_json = TypeAdapter(ModelFacts).dump_python(facts, mode="json")
    return {"facts": facts_json, "name": model.name, "sha256": digest}


def _evaluation_tables(context: Context, model: Model) -> list[dict[str, str]]:
    """The tables of predictions from the model's own transfer, the target language's first."""
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


def _export_once(context: Context, model: Model, export: _Export) -> None:
    if not export.file.is_file():
        with _export_lock.hold(export.file):
            _run_export(context, model, export)
    export.file.touch()


def _run_export(context: Context, model: Model, export: _Export) -> None:
    limits = context.settings
    export.file.parent.mkdir(parents=True, exist_ok=True)
    folder = open_folder(
        context.artifacts, export.digest, limits.max_unpacked_bytes, limits.max_archive_members
    )
    with context.artifacts.workspace() as workspace:
        fresh = workspace / "export.zip"
        call = export.arguments | {"folder": str(folder.resolve()), "file": str(fresh.resolve())}
        try:
            read_in_child(export.target, call, _EXPORT_SECONDS, limits.inspection_memory_bytes)
        except RejectedFile as problem:
            raise _export_error(model, problem) from None
        fresh.replace(export.file)
    _evict_oldest_exports(export.file)


def _export_error(model: Model, problem: RejectedFile) -> BabelportError:
    """What the child process raised, as itself; anything else is a failure."""
    fields = problem.fields
    if problem.code == LanguageNotInBridge.code:
        return LanguageNotInBridge(model.name, fields["language"], fields["known"])
    if problem.code == ModulesUnsupported.code:
        return ModulesUnsupported(model.name, fields["reason"])
    return ExportFailed(model.name, str(fields.get("reason") or problem.message).rstrip("."))


def _evict_oldest_exports(newest: Path) -> None:
    """Keep what fits, the newest whatever its size."""
    files = sorted(newest.parent.glob("*.zip"), key=lambda one: one.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > _MAX_EXPORT_BYTES and file != newest:
            file.unlink(missing_ok=True)
