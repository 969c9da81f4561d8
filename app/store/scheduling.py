"""Which job starts next, by priority and fairly between tenants; and how long the queue is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from app.domain.identity import now
from app.domain.jobs import UNFINISHED, JobState
from app.store.database import insert_or_update
from app.store.schema import jobs, tenants


def next_to_start(session: Session, kind: str, moment: datetime) -> Row[Any] | None:
    """The row of the kind's job that should start now, locked; None when none may.

    Each tenant's first (by priority, then age) competes: the highest priority wins, then the
    tenant with the fewest jobs of the kind running, then the one whose last start is longest ago,
    then the oldest job. One tenant's thousand jobs hold up nobody else's first.
    """
    first, running = _first_of_tenant(kind, moment), _running_of_tenant(kind)
    query = (
        select(jobs)
        .select_from(tenants.join(jobs, jobs.c.id == first))
        # Said of the row itself as well: PostgreSQL looks again at what it locks, and at that
        # alone, so a job cancelled at this moment would otherwise be given out.
        .where(jobs.c.state == JobState.QUEUED)
        .order_by(
            jobs.c.priority.desc(),
            running,
            # Never served comes first; NULL sorts differently in the two databases.
            tenants.c.served_at.is_not(None),
            tenants.c.served_at,
            jobs.c.created_at,
            jobs.c.id,
        )
        .limit(1)
        # A row that somebody is writing to (a cancel, say) is left for the next look.
        .with_for_update(of=jobs, skip_locked=True)
    )
    return session.execute(query).one_or_none()


def register_tenant(session: Session, tenant: str) -> None:
    """Give a tenant its place in the order of turns; until the commit it is not forgotten.

    Nobody in particular, '', always has one: those who queue jobs for it do not wait for each
    other.
    """
    if not tenant:
        return
    statement = insert_or_update(session, tenants).values(name=tenant, served_at=None)
    # The update changes nothing, and locks the row.
    same = {"name": statement.excluded.name}
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=same))


def idle_tenants(session: Session, before: datetime) -> list[str]:
    """Tenants without a job to be done, none of which started since `before`.

    That of jobs for nobody in particular, '', is always known.
    """
    return list(session.scalars(select(tenants.c.name).where(*_is_idle(before))))


def forget_tenants(session: Session, names: list[str], before: datetime) -> int:
    """Forget these tenants where they are idle still; how many were.

    Their next job is served as that of somebody new.
    """
    named = tenants.c.name.in_(names)
    locked = select(tenants.c.name).where(named).order_by(tenants.c.name).with_for_update()
    session.execute(locked)
    # A statement of its own: it sees what those have committed who held the locks before.
    gone = delete(tenants).where(named, *_is_idle(before)).returning(tenants.c.name)
    return len(session.scalars(gone).all())


def record_start(session: Session, tenant: str, moment: datetime) -> None:
    """Remember that a job of the tenant starts now."""
    session.execute(tenants.update().where(tenants.c.name == tenant).values(served_at=moment))


def count_by_state(session: Session, kind: str) -> dict[JobState, int]:
    """The number of a kind's jobs in every state; read from an index alone."""
    query = select(jobs.c.state, func.count()).where(jobs.c.kind == kind).group_by(jobs.c.state)
    found: dict[JobState, int] = dict(session.execute(query).tuples().all())
    return {state: found.get(state, 0) for state in JobState}


def oldest_queued_seconds(session: Session, kind: str) -> float:
    """The seconds since a kind's oldest job that waits was asked for; 0 where none waits."""
    queued = and_(jobs.c.kind == kind, jobs.c.state == JobState.QUEUED)
    oldest = session.scalar(select(func.min(jobs.c.created_at)).where(queued))
    return 0.0 if oldest is None else max(0.0, (now() - oldest).total_seconds())


def _is_idle(before: datetime) -> tuple[ColumnElement[bool], ...]:
    theirs = jobs.c.tenant == tenants.c.name
    busy = select(jobs.c.id).where(theirs, jobs.c.state.in_(UNFINISHED)).correlate(tenants)
    long_ago = or_(tenants.c.served_at.is_(None), tenants.c.served_at < before)
    return tenants.c.name != "", long_ago, ~busy.exists()


def _first_of_tenant(kind: str, moment: datetime) -> ScalarSelect[Any]:
    waiting = jobs.alias("waiting")
    ready = or_(waiting.c.not_before.is_(None), waiting.c.not_before <= moment)
    queued = and_(
        waiting.c.kind == kind,
        waiting.c.tenant == tenants.c.name,
        waiting.c.state == JobState.QUEUED,
    )
    query = select(waiting.c.id).where(queued, ready).correlate(tenants)
    order = (waiting.c.priority.desc(), waiting.c.created_at, waiting.c.id)
    return query.order_by(*order).limit(1).scalar_subquery()


def _running_of_tenant(kind: str) -> ScalarSelect[Any]:
    running = jobs.alias("running")
    of_tenant = and_(
        running.c.kind == kind,
        running.c.tenant == tenants.c.name,
        running.c.state == JobState.RUNNING,
    )
    query = select(func.count()).select_from(running).where(of_tenant)
    return query.correlate(tenants).scalar_subquery()
