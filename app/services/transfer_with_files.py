"""The use case behind the one-request transfer: model and data come as files, all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from app.domain.datasets import Dataset
from app.domain.enums import Role
from app.domain.errors import RejectedFile
from app.domain.models import Model
from app.domain.transfers import Transfer, TransferSpec, Turn
from app.services.artifact_lifetime import publish
from app.services.companions import check_widths, choose_companion
from app.services.context import Context
from app.services.datasets import (
    DatasetDetails,
    ReadDataset,
    find_dataset,
    read_dataset,
    ready_dataset,
    record_dataset,
)
from app.services.models import ModelDetails, ReadModel, find_model, read_model, record_model
from app.services.transfer_fit import check_fit
from app.services.transfer_request import (
    TransferRequest,
    check_languages,
    check_request,
)
from app.services.transfers import queue, ready_facts
from app.services.uploads import Upload

D = TypeVar("D")
R = TypeVar("R")


@dataclass(frozen=True)
class TransferFiles:
    """What came in the request: uploads with what the user says of them, and references.

    The model is an upload or the reference of a registered one; so is each dataset.
    """

    model: tuple[Upload, ModelDetails] | str
    new: dict[Role, tuple[Upload, DatasetDetails]] = field(default_factory=dict)
    datasets: dict[Role, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckedFiles:
    """A transfer all of whose files were read; `fields` are those of its specification."""

    model: Model | ReadModel
    known: dict[Role, Dataset]
    read: dict[Role, ReadDataset]
    fields: dict[str, Any]

    def files(self) -> list[Path]:
        """What is to be published: the model where it is new, then each new dataset."""
        model = [self.model.upload.path] if isinstance(self.model, ReadModel) else []
        return model + [dataset.canonical for dataset in self.read.values()]

    def unpacked(self) -> dict[Path, Path]:
        """The folder into which a new model was unpacked, by its file."""
        model = self.model
        return {model.upload.path: model.folder} if isinstance(model, ReadModel) else {}


def check_transfer_with_files(
    context: Context, files: TransferFiles, request: TransferRequest
) -> CheckedFiles:
    """Read every file and check all that can be checked; changes nothing.

    A `RejectedFile` names the part of the request that it is about, in its field `part`. No
    transaction is open while files are read.
    """
    fields = check_request(request, {*files.datasets, *files.new})
    with context.readers() as reading:
        known = {role: find_dataset(reading, id) for role, id in files.datasets.items()}
        model = find_model(reading, files.model) if isinstance(files.model, str) else None
        fields["companion"] = choose_companion(reading, request.method, request.companion)
    languages = {role: details.language for role, (_, details) in files.new.items()}
    languages |= {role: dataset.language for role, dataset in known.items()}
    check_languages(fields["language"], languages)
    material = {role: ready_dataset(context, dataset) for role, dataset in known.items()}
    # Data first: it is read sooner than a model, and is wrong more often.
    read = {role: _read(role, read_dataset, context, *new) for role, new in files.new.items()}
    material |= {
        role: (dataset.facts, partial(Path, dataset.canonical)) for role, dataset in read.items()
    }
    source: Model | ReadModel | None = model
    if source is None:
        assert not isinstance(files.model, str)  # a reference was looked up above
        source = _read("model", read_model, context, *files.model)
    check_fit(request, ready_facts(source), material)
    with context.readers() as reading:
        check_widths(reading, ready_facts(source), fields["companion"])
    return CheckedFiles(source, known, read, fields)


def start_transfer_with_files(
    context: Context, session: Session, checked: CheckedFiles, turn: Turn = Turn()
) -> Transfer:
    """Register every file and queue the transfer, in the caller's transaction."""
    digests = iter(publish(context, session, checked.files(), checked.unpacked()))
    model = checked.model
    if isinstance(model, ReadModel):
        model = record_model(session, model, next(digests))
    ids = {role: dataset.id for role, dataset in checked.known.items()}
    for role, dataset in checked.read.items():
        ids[role] = record_dataset(session, dataset, next(digests)).id
    return queue(session, TransferSpec(model_id=model.id, datasets=ids, **checked.fields), turn)


def _read(
    part: str, read: Callable[[Context, Upload, D], R], context: Context, upload: Upload, details: D
) -> R:
    try:
        return read(context, upload, details)
    except RejectedFile as reason:
        reason.fields["part"] = part
        raise
