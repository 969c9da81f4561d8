"""Use cases of datasets: register one, find it, look into it, delete it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.artifacts.archive import open_folder
from app.domain.datasets import Dataset, DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind, DatasetStatus, Format, Task
from app.domain.errors import RejectedFile
from app.domain.errors.requests import DatasetNotFound
from app.domain.errors.transfers import RecordRejected
from app.domain.identity import new_id, now
from app.domain.languages import script_of
from app.domain.models import Model, TextInput
from app.formats.dataset_rows import preview_dataset
from app.formats.reading_child import inspect_dataset
from app.formats.tables.canonical import read_column
from app.formats.token_fertility import token_fertility, truncation_sentence
from app.learn.advice.languages import complaints_about
from app.services.artifacts import Upload, publish
from app.services.context import Context
from app.store import datasets


@dataclass(frozen=True)
class DatasetDetails:
    """What the user says about an uploaded dataset; `name` None means after its file."""

    language: str
    name: str | None = None
    hints: DatasetHints = field(default_factory=DatasetHints)


@dataclass(frozen=True)
class InspectedDataset:
    """An upload that was read and found good; `canonical` is its file in canonical form."""

    upload: Upload
    details: DatasetDetails
    facts: DatasetFacts
    canonical: Path


def register_dataset(
    context: Context, upload: Upload, details: DatasetDetails
) -> Callable[[Session], Dataset]:
    """Read an upload; what is returned records it, as ready or, without its bytes, as rejected."""
    try:
        read = inspect_uploaded_dataset(context, upload, details)
    except RejectedFile as reason:
        return partial(_record_rejected, upload, details, reason)
    return partial(_record_ready, context, read)


def inspect_uploaded_dataset(
    context: Context, upload: Upload, details: DatasetDetails
) -> InspectedDataset:
    """Read an upload in a child process; raises a `RejectedFile` and changes nothing."""
    canonical = upload.path.with_name(upload.path.name + ".canonical")
    facts = inspect_dataset(
        upload.path,
        upload.filename,
        details.hints,
        details.language,
        canonical,
        context.settings,
    )
    return InspectedDataset(upload, details, facts, canonical)


def record_dataset(session: Session, read: InspectedDataset, digest: str) -> Dataset:
    """Insert the row of a dataset that was read and published."""
    dataset = _record(read.upload, read.details, sha256=digest, facts=read.facts)
    datasets.insert(session, dataset)
    return dataset


def find_dataset(session: Session, dataset_id: str) -> Dataset:
    """The dataset by id; or `DatasetNotFound`."""
    found = datasets.get(session, dataset_id)
    if found is None:
        raise DatasetNotFound(dataset_id)
    return found


def ready_dataset(context: Context, dataset: Dataset) -> tuple[DatasetFacts, Callable[[], Path]]:
    """A dataset's facts, and what gives its canonical file; `RecordRejected` where it has none.

    Giving the file raises the errors of `Artifacts.path`.
    """
    if dataset.facts is None or dataset.sha256 is None:
        raise RecordRejected(dataset.id)
    return dataset.facts, partial(context.artifacts.path, dataset.sha256)


def preview_rows(
    context: Context, dataset: Dataset, offset: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Some rows of a dataset as JSON, images as base64 PNG; and how many there are in all."""
    facts, canonical = ready_dataset(context, dataset)
    return preview_dataset(canonical(), facts, offset, limit), facts.rows


def tokenizer_fertility(context: Context, dataset: Dataset, model: Model) -> dict[str, Any] | None:
    """Tokens per word of a text dataset under a model's tokenizer; None where it has none."""
    facts, canonical = ready_dataset(context, dataset)
    if model.facts is None or model.sha256 is None:
        raise RecordRejected(model.id)
    if facts.kind is DatasetKind.IMAGES or model.facts.format is not Format.HUGGINGFACE:
        return None
    limits = context.settings
    folder = open_folder(
        context.artifacts, model.sha256, limits.max_unpacked_bytes, limits.max_archive_members
    )
    pairs = facts.kind in (DatasetKind.PARALLEL, DatasetKind.DICTIONARY)
    limit = model.facts.input if isinstance(model.facts.input, TextInput) else None
    if model.facts.task is Task.TOKEN_CLASSIFICATION:
        limit = None  # it reads a long sentence on in further windows
    texts = read_column(canonical(), "target" if pairs else "text")
    found = token_fertility(texts, folder, limit)
    complaints = complaints_about(found, None, script_of(dataset.language))
    notes = [f"The tokenizer {complaint}." for complaint in complaints]
    truncation = truncation_sentence(found) if limit else None
    return found | {"notes": notes + ([truncation] if truncation else [])}


def delete_dataset(session: Session, dataset: Dataset) -> str | None:
    """Delete a dataset's row; returns the digest to drop after the commit.

    Raises `NeededByTransfers` while a queued or running transfer reads it.
    """
    datasets.delete(session, dataset.id)
    return dataset.sha256


def _record_ready(context: Context, read: InspectedDataset, session: Session) -> Dataset:
    [digest] = publish(context, session, [read.canonical])
    return record_dataset(session, read, digest)


def _record_rejected(
    upload: Upload, details: DatasetDetails, reason: RejectedFile, session: Session
) -> Dataset:
    dataset = _record(upload, details, rejection=reason.as_dict())
    datasets.insert(session, dataset)
    return dataset


def _record(upload: Upload, details: DatasetDetails, **outcome: Any) -> Dataset:
    return Dataset(
        id=new_id("dst"),
        name=details.name or upload.stem,
        language=details.language,
        status=DatasetStatus.REJECTED if "rejection" in outcome else DatasetStatus.READY,
        created_at=now(),
        size_bytes=upload.size_bytes,
        upload_sha256=upload.sha256,
        **outcome,
    )
