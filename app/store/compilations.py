"""Queries on compilations: what models are served by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, Select, exists, select
from sqlalchemy.orm import Session

from app.domain.compilations import Serving
from app.domain.enums import Format, ModelStatus, Task
from app.domain.lesser_jobs import JobState
from app.domain.models import ModelFacts
from app.store.clock import database_now
from app.store.lesser_leases import LesserLeases
from app.store.lesser_tables import compilations
from app.store.tables import models
from app.store.upsert import insert_or_update

LEASES = LesserLeases(compilations)
# A graph that ends its process once most likely does so again, and torch serves the model.
MAX_ATTEMPTS = 2

_SERVINGS = TypeAdapter(Serving)
_FACTS = TypeAdapter(ModelFacts)
_OVER = (JobState.SUCCEEDED, JobState.FAILED)
# Models that nothing is compiled of get their row as well; so many in one transaction.
_AT_ONCE = 100
_LOOKED_UP = Serving(
    engine="torch", precision="float32", reason="Words are looked up; there is nothing to compile."
)


def waits(session: Session) -> bool:
    """Whether a claim might find something; reads only."""
    return LEASES.anything_waits(session) or bool(session.scalar(select(_missing().exists())))


def enlist(session: Session) -> None:
    """Add the compilation of the newest model that has none, unless another waits already.

    What another worker adds or deletes at the same time is left to it.
    """
    if LEASES.anything_waits(session):
        return
    moment = database_now(session)
    # A model that is being deleted is passed over; the others stay until the commit.
    missing = _missing().limit(_AT_ONCE)
    missing = missing.with_for_update(of=models, read=True, key_share=True, skip_locked=True)
    for row in session.execute(missing).all():
        fit, values = _plan(_FACTS.validate_python(row.facts))
        statement = insert_or_update(session, compilations)
        statement = statement.values(model_id=row.id, created_at=moment, **values)
        session.execute(statement.on_conflict_do_nothing(index_elements=["model_id"]))
        if fit:
            return


def finish(session: Session, model_id: str, attempt: int, serving: Serving) -> None:
    """Record how the model is served; raises `LeaseLost` when the attempt holds it no more."""
    LEASES.end(session, model_id, attempt, JobState.SUCCEEDED, _values(serving))


def servings(session: Session, model_ids: Iterable[str]) -> dict[str, Serving]:
    """How models are served, by id; one that is not compiled yet is left out."""
    query = select(compilations).where(
        compilations.c.model_id.in_(list(model_ids)), compilations.c.state.in_(_OVER)
    )
    found = {row.model_id: _serving(row) for row in session.execute(query)}
    return {id: serving for id, serving in found.items() if serving is not None}


def digest_of(session: Session, model_id: str) -> str | None:
    """The digest of what was compiled of a model."""
    query = select(compilations.c.sha256).where(compilations.c.model_id == model_id)
    return session.execute(query).scalar_one_or_none()


def _missing() -> Select[Any]:
    """Ready models without a compilation, the newest first: somebody may wait for it."""
    has_one = exists().where(compilations.c.model_id == models.c.id)
    query = select(models.c.id, models.c.facts).where(models.c.status == ModelStatus.READY)
    return query.where(~has_one).order_by(models.c.created_at.desc(), models.c.id)


def _plan(facts: ModelFacts) -> tuple[bool, dict[str, Any]]:
    """Whether there is something to compile, and the columns of the row."""
    if facts.task is Task.FEATURE_EXTRACTION:  # it answers nothing
        return False, {"state": JobState.SUCCEEDED}
    if facts.format is Format.WORD_VECTORS:
        return False, {"state": JobState.SUCCEEDED, **_values(_LOOKED_UP)}
    return True, {"state": JobState.QUEUED}


def _values(serving: Serving) -> dict[str, Any]:
    return {
        "engine": serving.engine,
        "precision": serving.precision,
        "sha256": serving.sha256,
        "report": serving,
    }


def _serving(row: Row[Any]) -> Serving | None:
    if row.state == JobState.FAILED:
        reason = "Compiling failed; the model's own file is served."
        return Serving("torch", "float32", reason, failure=row.failure)
    return None if row.report is None else _SERVINGS.validate_python(row.report)
