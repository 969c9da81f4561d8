"""Queries on models, and on their compilations: what each model is served by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, Select, case, exists, or_, select, update
from sqlalchemy import delete as delete_from
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.enums import Format, ModelStatus, Task
from app.domain.jobs import JobState
from app.domain.models import Model, ModelFacts, Serving
from app.store import job_queue, usage
from app.store.database import database_now, from_row, insert_or_update, to_row
from app.store.pagination import Page, read_page
from app.store.schema import compilations, jobs, model_names, models, shadow_disagreements

COMPILATION = "compilation"  # the kind of job; its id is the model's
# A graph that ends its process once most likely does so again, and torch serves the model.
MAX_COMPILATION_ATTEMPTS = 2
_IS_ITS_JOB = jobs.c.id == compilations.c.model_id
_SERVINGS = TypeAdapter(Serving)
_FACTS = TypeAdapter(ModelFacts)
_ENDED = (JobState.SUCCEEDED, JobState.FAILED)
# Models that nothing is compiled of get their row as well; so many in one transaction.
_AT_ONCE = 100
_LOOKED_UP = Serving(
    engine="torch", precision="float32", reason="Words are looked up; there is nothing to compile."
)


def insert(session: Session, model: Model) -> None:
    """Add a model; its name and version together are unique."""
    values = {name: value for name, value in to_row(model).items() if name != "serving"}
    session.execute(insert_into(models).values(**values))
    statement = insert_or_update(session, model_names)
    statement = statement.values(name=model.name, last_version=model.version)
    last, this = model_names.c.last_version, statement.excluded.last_version
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"last_version": case((last < this, this), else_=last)}
        )
    )


def get(session: Session, id: str) -> Model | None:
    """The model with this id."""
    return _one(session, select(models).where(models.c.id == id))


def find(session: Session, name: str, version: int | None = None) -> Model | None:
    """The model of this name and version; without a version, the newest that is ready."""
    query = select(models).where(models.c.name == name)
    if version is not None:
        return _one(session, query.where(models.c.version == version))
    query = query.where(models.c.status == ModelStatus.READY)
    return _one(session, query.order_by(models.c.version.desc()).limit(1))


def versions(session: Session, name: str) -> list[int]:
    """The versions of `name` that are ready, the oldest first."""
    query = select(models.c.version).where(models.c.name == name)
    ready = query.where(models.c.status == ModelStatus.READY)
    return list(session.scalars(ready.order_by(models.c.version)))


def next_version(session: Session, name: str) -> int:
    """The number for a new version of `name`, from 1, never one that was given before.

    It is reserved until the transaction ends: another transaction that asks for the same name
    waits, and gets the same number only when this one rolls back.
    """
    statement = insert_or_update(session, model_names).values(name=name, last_version=1)
    statement = statement.on_conflict_do_update(
        index_elements=["name"], set_={"last_version": model_names.c.last_version + 1}
    )
    return session.execute(statement.returning(model_names.c.last_version)).scalar_one()


def page(
    session: Session,
    limit: int,
    cursor: str | None = None,
    name: str | None = None,
    status: ModelStatus | None = None,
) -> Page[Model]:
    """Models, newest first, of one name and one status where they are given."""
    query = select(models)
    if name is not None:
        query = query.where(models.c.name == name)
    if status is not None:
        query = query.where(models.c.status == status)
    found = read_page(session, Model, query, models, limit, cursor)
    return replace(found, items=_with_servings(session, found.items))


def delete(session: Session, id: str) -> None:
    """Delete the record; raises `NeededByTransfers` while a queued or running transfer uses it.

    Models made from it keep its id as their lineage; the answers of its that differed from
    another's are gone. The bytes are the caller's to remove, after the commit and only where
    `digest_in_use` says no.
    """
    usage.refuse_while_used(session, models, id, users)
    answers = (shadow_disagreements.c.model_id, shadow_disagreements.c.shadow_model_id)
    of_model = or_(*(column == id for column in answers))
    session.execute(delete_from(shadow_disagreements).where(of_model))
    job_queue.delete(session, id)  # its compilation
    session.execute(delete_from(models).where(models.c.id == id))


def users(session: Session, id: str) -> list[str]:
    """The ids of queued and running transfers that start from this model."""
    return usage.transfers_of_model(session, id)


def _one(session: Session, query: Any) -> Model | None:
    row = session.execute(query).one_or_none()
    return None if row is None else _with_servings(session, [from_row(Model, row)])[0]


def _with_servings(session: Session, found: Sequence[Model]) -> list[Model]:
    """The models with how they are served."""
    servings = find_servings(session, [model.id for model in found])
    return [replace(model, serving=servings.get(model.id)) for model in found]


def compilation_waits(session: Session) -> bool:
    """Whether a claim might find something; reads only."""
    return job_queue.anything_waits(session, COMPILATION) or bool(
        session.scalar(select(_not_compiled().exists()))
    )


def enqueue_compilations(session: Session) -> None:
    """Add the compilation of the newest model that has none, unless another waits already.

    What another worker adds or deletes at the same time is left to it.
    """
    if job_queue.anything_waits(session, COMPILATION):
        return
    moment = database_now(session)
    # A model that is being deleted is passed over; the others stay until the commit.
    missing = _not_compiled().limit(_AT_ONCE)
    missing = missing.with_for_update(of=models, read=True, key_share=True, skip_locked=True)
    for row in session.execute(missing).all():
        state, values = _plan(_FACTS.validate_python(row.facts))
        if job_queue.enqueue(session, COMPILATION, row.id, moment, state=state):
            session.execute(insert_into(compilations).values(model_id=row.id, **values))
        if state is JobState.QUEUED:
            return


def finish_compilation(session: Session, model_id: str, attempt: int, serving: Serving) -> None:
    """Record how the model is served; raises `LeaseLost` when the attempt holds it no more."""
    job_queue.succeed(session, model_id, attempt, {})
    statement = update(compilations).where(compilations.c.model_id == model_id)
    session.execute(statement.values(**_values(serving)))


def find_servings(session: Session, model_ids: Iterable[str]) -> dict[str, Serving]:
    """How models are served, by id; one that is not compiled yet is left out."""
    query = select(compilations, jobs.c.state, jobs.c.failure).join(jobs, _IS_ITS_JOB)
    query = query.where(compilations.c.model_id.in_(list(model_ids)), jobs.c.state.in_(_ENDED))
    found = {row.model_id: _serving(row) for row in session.execute(query)}
    return {id: serving for id, serving in found.items() if serving is not None}


def compiled_digest(session: Session, model_id: str) -> str | None:
    """The digest of what was compiled of a model."""
    query = select(compilations.c.sha256).where(compilations.c.model_id == model_id)
    return session.execute(query).scalar_one_or_none()


def _not_compiled() -> Select[Any]:
    """Ready models without a compilation, the newest first: somebody may wait for it."""
    has_one = exists().where(compilations.c.model_id == models.c.id)
    query = select(models.c.id, models.c.facts).where(models.c.status == ModelStatus.READY)
    return query.where(~has_one).order_by(models.c.created_at.desc(), models.c.id)


def _plan(facts: ModelFacts) -> tuple[JobState, dict[str, Any]]:
    """Whether there is something to compile, and the columns of the row."""
    if facts.task is Task.FEATURE_EXTRACTION:  # it answers nothing
        return JobState.SUCCEEDED, {}
    if facts.format is Format.WORD_VECTORS:
        return JobState.SUCCEEDED, _values(_LOOKED_UP)
    return JobState.QUEUED, {}


def _values(serving: Serving) -> dict[str, Any]:
    return {
        "engine": serving.engine,
        "precision": serving.precision,
        "sha256": serving.sha256,
        "report": serving,
    }


def _serving(row: Row[Any]) -> Serving | None:
    if row.state is JobState.FAILED:
        reason = "Compiling failed; the model's own file is served."
        return Serving("torch", "float32", reason, failure=row.failure)
    return None if row.report is None else _SERVINGS.validate_python(row.report)
