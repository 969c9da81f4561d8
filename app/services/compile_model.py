"""A model compiled for serving, in a process of its own."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from app.artifacts.folders import open_folder
from app.domain.compilations import Serving
from app.domain.errors.transfers import LeaseLost
from app.domain.lesser_jobs import JobState
from app.domain.models import Model
from app.formats.catalog import format_named
from app.services.artifact_lifetime import publish
from app.services.compiling.check_rows import check_rows
from app.services.compiling.compile_network import Choice, compile_network
from app.services.context import Context, open_context
from app.services.running.failures import is_for_good, understood
from app.settings import settings
from app.store import compilations, models
from app.store.patience import patiently

_log = logging.getLogger(__name__)


def compile_model(model_id: str, attempt: int) -> None:
    """Carry out one attempt of a compilation and record how it ended.

    A model that was deleted meanwhile, or whose compilation another attempt holds, is let be.
    """
    context = open_context(settings())
    patience = context.settings.database_patience_seconds
    model = patiently(context.readers, lambda session: models.get(session, model_id), patience)
    if model is None:
        return
    try:
        with context.artifacts.workspace() as workspace:
            _record(context, model, attempt, _choice_for(context, model, workspace))
    except LeaseLost:
        _log.info("%s was deleted, or another attempt compiles it", model_id)
    except Exception as error:
        _log.warning("%s was not compiled: %s", model_id, error, exc_info=True)
        _record_failure(context, model, attempt, error)


def _choice_for(context: Context, model: Model, workspace: Path) -> Choice:
    facts, limits = model.facts, context.settings
    assert facts is not None, "a ready model has facts"
    assert model.sha256 is not None, "a ready model has bytes"
    folder = open_folder(
        context.artifacts, model.sha256, limits.max_unpacked_bytes, limits.max_archive_members
    )
    network = format_named(facts.format).load(folder, facts)
    rows = check_rows(context, model, facts, network)
    tolerance = limits.int8_tolerance if limits.serving_precision == "auto" else None
    return compile_network(network, facts, rows, tolerance, workspace)


def _record(context: Context, model: Model, attempt: int, choice: Choice) -> None:
    def record(session: Session) -> None:
        serving: Serving = choice.serving
        if choice.file is not None:
            [digest] = publish(context, session, [choice.file])
            serving = replace(serving, sha256=digest)
        compilations.finish(session, model.id, attempt, serving)

    patiently(context.sessions, record, context.settings.database_patience_seconds)


def _record_failure(context: Context, model: Model, attempt: int, error: Exception) -> None:
    failure = understood(error).as_dict()

    def record(session: Session) -> None:
        if not is_for_good(error):
            compilations.LEASES.lose(session, model.id, attempt, failure, compilations.MAX_ATTEMPTS)
        else:
            values = {"failure": failure}
            compilations.LEASES.end(session, model.id, attempt, JobState.FAILED, values)

    try:
        patiently(context.sessions, record, context.settings.database_patience_seconds)
    except LeaseLost:
        _log.info("%s was deleted, or another attempt compiles it", model.id)
