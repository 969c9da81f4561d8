"""Use cases of models: register one, find it, trace where it came from, delete it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.domain.enums import Format, ModelStatus
from app.domain.errors import RejectedFile
from app.domain.errors.lookups import ModelNotFound, NotRecorded
from app.domain.identity import new_id, now
from app.domain.models import Model, ModelFacts, ModelHints
from app.formats.inspect_model import inspect_model
from app.services.artifact_lifetime import publish
from app.services.context import Context
from app.services.uploads import Upload
from app.store import aliases, compilations, models, transfers


@dataclass(frozen=True)
class ModelDetails:
    """What the user says about an uploaded model; `name` None means after its file."""

    languages: tuple[str, ...]
    name: str | None = None
    hints: ModelHints = field(default_factory=ModelHints)


@dataclass(frozen=True)
class ReadModel:
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
        read = read_model(context, upload, details)
    except RejectedFile as reason:
        return partial(_record_rejected, upload, details, reason)
    return partial(_record_ready, context, read)


def read_model(context: Context, upload: Upload, details: ModelDetails) -> ReadModel:
    """Read an upload in a child process; raises a `RejectedFile` and changes nothing."""
    folder = upload.path.with_name(upload.path.name + ".unpacked")
    facts = inspect_model(upload.path, upload.filename, details.hints, folder, context.settings)
    return ReadModel(upload, details, facts, folder)


def record_model(session: Session, read: ReadModel, digest: str) -> Model:
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
            found = aliases.model(session, name, version)
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
    return path, f"{model.name}-{model.version}{_ending(start, model.facts)}"


def delete_model(session: Session, model: Model) -> list[str]:
    """Delete a model's row and what it was compiled into; the digests to drop after the commit.

    Raises `NeededByTransfers` while a queued or running transfer starts from it, `NeededByAlias`
    while an alias points to it.
    """
    digests = (model.sha256, compilations.digest_of(session, model.id))
    models.delete(session, model.id)
    return [digest for digest in digests if digest is not None]


def _ending(start: bytes, facts: ModelFacts | None) -> str:
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


def _record_ready(context: Context, read: ReadModel, session: Session) -> Model:
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
