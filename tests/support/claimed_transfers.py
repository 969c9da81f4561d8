"""Builds everything a transfer needs, without HTTP, up to the moment when a worker claims it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from app.artifacts.archive import pack
from app.domain.datasets import Dataset, DatasetFacts
from app.domain.enums import DatasetKind, Role
from app.domain.identity import new_id
from app.domain.jobs import JobState
from app.domain.models import Model, ModelHints
from app.domain.transfers import Transfer
from app.formats.catalog import detect_format
from app.formats.images.pixels import ImageRows, write_image_rows
from app.formats.tables.canonical import (
    LabelSetRow,
    TaggedRow,
    TextRow,
    write_label_set_rows,
    write_tagged_rows,
    write_text_rows,
)
from app.formats.tables.language import report_language
from app.learn.data.examples import NO_WORD, Examples
from app.services.context import Context
from app.store import datasets, models, transfers
from tests.support.records import a_dataset, a_model, a_transfer, claim_a_transfer


def a_claimed_transfer(
    context: Context,
    folder: Path,
    rows: dict[Role, Examples],
    labels: tuple[str, ...],
    **spec: Any,
) -> Transfer:
    """Register the model in `folder` and the rows of each role, queue a transfer, claim it."""
    model = store_model(context, folder)
    stored = {role: store_rows(context, part, labels) for role, part in rows.items()}
    queued = a_transfer(model, stored[Role.TRAIN])
    wanted = replace(
        queued.spec, datasets={role: dataset.id for role, dataset in stored.items()}, **spec
    )
    with context.sessions.begin() as session:
        models.insert(session, model)
        for dataset in stored.values():
            datasets.insert(session, dataset)
        transfers.insert(session, replace(queued, spec=wanted))
        return claim_a_transfer(session)


def the_same_again(context: Context, transfer: Transfer) -> Transfer:
    """Another transfer of the same specification, claimed."""
    again = replace(transfer, id=new_id("trf"), state=JobState.QUEUED, attempt=0)
    with context.sessions.begin() as session:
        transfers.insert(session, again)
        return claim_a_transfer(session)


def register_model(context: Context, folder: Path, name: str, **changes: Any) -> Model:
    """Register the model in a folder as an upload would, but without its process that reads."""
    model = replace(store_model(context, folder), name=name, **changes)
    with context.sessions.begin() as session:
        models.insert(session, model)
    return model


def store_model(context: Context, folder: Path) -> Model:
    """Publish the model in a folder; its record, which nobody inserted yet."""
    facts = detect_format(folder).inspect(folder, ModelHints())
    with context.artifacts.workspace() as workspace:
        pack(folder, workspace / "model")
        digest = context.artifacts.publish(workspace / "model")
    return a_model(sha256=digest, facts=facts)


def store_rows(context: Context, rows: Examples, labels: tuple[str, ...]) -> Dataset:
    """Publish rows as a dataset; its record, which nobody inserted yet."""
    with context.artifacts.workspace() as workspace:
        facts = _write(rows, labels, workspace / "rows")
        digest = context.artifacts.publish(workspace / "rows")
    return a_dataset(sha256=digest, facts=facts)


def _write(rows: Examples, labels: tuple[str, ...], file: Path) -> DatasetFacts:
    if rows.targets.ndim == 2:
        return _write_lists(rows, labels, file)
    if isinstance(rows.inputs, list):
        groups = rows.groups or (None,) * len(rows)
        numbered = zip(rows.rows, rows.inputs, rows.targets, groups, strict=True)
        write_text_rows([TextRow(int(n), x, labels[y], g) for n, x, y, g in numbered], file)
        report, _ = report_language(list(zip(rows.rows.tolist(), rows.inputs, strict=True)), "de")
        grouped = rows.groups is not None
        return DatasetFacts(DatasetKind.LABELLED, len(rows), labels, grouped, report=report)
    write_image_rows(ImageRows(rows.inputs, rows.targets, labels), file)
    shape = (rows.inputs.shape[1], rows.inputs.shape[2], rows.inputs.shape[3])
    return DatasetFacts(DatasetKind.IMAGES, len(rows), labels, False, shape)


def _write_lists(rows: Examples, labels: tuple[str, ...], file: Path) -> DatasetFacts:
    """Tagged sentences, or texts with several labels."""
    numbered = list(zip(rows.rows.tolist(), rows.inputs, rows.targets, strict=True))
    if rows.targets.dtype == bool:
        named = [[labels[i] for i in np.flatnonzero(y)] for _, _, y in numbered]
        sets = [LabelSetRow(n, x, y) for (n, x, _), y in zip(numbered, named, strict=True)]
        write_label_set_rows(sets, file)
        return DatasetFacts(DatasetKind.MULTI_LABELLED, len(rows), labels, False)
    tags = [[labels[i] for i in y if i != NO_WORD] for _, _, y in numbered]
    tagged = [
        TaggedRow(n, list(x), y, " ".join(x)) for (n, x, _), y in zip(numbered, tags, strict=True)
    ]
    write_tagged_rows(tagged, file)
    return DatasetFacts(DatasetKind.TOKENS, len(rows), labels, False)
