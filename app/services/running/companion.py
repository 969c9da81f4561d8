"""The second model of a transfer as a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.artifacts.folders import open_folder
from app.domain.companions import HUB, STARTER
from app.domain.errors.transfers import TransferInputsGone
from app.domain.models import ModelHints
from app.formats.catalog import format_named, recognise
from app.formats.hub import download
from app.formats.starter.build import starter_encoder
from app.services.context import Context
from app.store import models

if TYPE_CHECKING:
    from app.learn.network import Network


def load_companion(context: Context, companion: str | None) -> Network | None:
    """The network of `companion` as a specification names it, fresh; None where there is none.

    Raises `StarterMissing`, `HubModelUnavailable`, the errors of reading a model's file, and
    `TransferInputsGone`.
    """
    if companion is None:
        return None
    if companion == STARTER:
        return _read(starter_encoder(context.settings.data_dir))
    if companion.startswith(HUB):
        return _read(download(companion.removeprefix(HUB), context.settings.data_dir / "hub"))
    return _registered(context, companion)


def _read(folder: Path) -> Network:
    found = recognise(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


def _registered(context: Context, model_id: str) -> Network:
    with context.readers.begin() as session:
        model = models.get(session, model_id)
    if model is None or model.facts is None or model.sha256 is None:
        raise TransferInputsGone([model_id])
    limits = context.settings
    folder = open_folder(
        context.artifacts, model.sha256, limits.max_unpacked_bytes, limits.max_archive_members
    )
    return format_named(model.facts.format).load(folder, model.facts)
