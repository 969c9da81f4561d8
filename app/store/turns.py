"""Whose turn it is: priorities, and fairness between tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from app.domain.transfer_states import TransferState, is_final
from app.store.tables import tenants, transfers
from app.store.upsert import insert_or_update


def next_in_turn(session: Session, moment: datetime) -> Row[Any] | None:
    """The row of the transfer that should start now, locked; None when none may.

    Each tenant's first (by priority, then age) competes: the highest priority wins, then the
    tenant with the fewest transfers running, then the one whose last start is longest ago, then
    the oldest transfer. One tenant's thousand transfers hold up nobody else's first.
    """
    first, running = _first_of_tenant(moment), _running_of_tenant()
    query = (
        select(transfers)
        .select_from(tenants.join(transfers, transfers.c.id == first))
        # Said of the row itself as well: PostgreSQL looks again at what it locks, and at that
        # alone, so a transfer cancelled at this moment would otherwise be given out.
        .where(transfers.c.state == TransferState.QUEUED)
        .order_by(
            transfers.c.priority.desc(),
            running,
            # Never served comes first; NULL sorts differently in the two databases.
            tenants.c.served_at.is_not(None),
            tenants.c.served_at,
            transfers.c.created_at,
            transfers.c.id,
        )
        .limit(1)
        # A row that somebody is writing to (a cancel, say) is left for the next look.
        .with_for_update(of=transfers, skip_locked=True)
    )
    return session.execute(query).one_or_none()


def know_tenant(session: Session, tenant: str) -> None:
    """Give a tenant its place in the order of turns; until the commit it is not forgotten."""
    statement = insert_or_update(session, tenants).values(name=tenant, served_at=None)
    # The update changes nothing, and locks the row.
    same = {"name": statement.excluded.name}
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=same))


def idle_tenants(session: Session, before: datetime) -> list[str]:
    """Tenants without a transfer to be done, none of which started since `before`.

    That of transfers for nobody in particular, '', is always known.
    """
    return list(session.scalars(select(tenants.c.name).where(*_is_idle(before))))


def forget_tenants(session: Session, names: list[str], before: datetime) -> int:
    """Forget these tenants where they are idle still; how many were.

    Their next transfer is served as that of somebody new.
    """
    mine = tenants.c.name.in_(names)
    locked = select(tenants.c.name).where(mine).order_by(tenants.c.name).with_for_update()
    session.execute(locked)
    # A statement of its own: it sees what those have committed who held the locks before.
    gone = delete(tenants).where(mine, *_is_idle(before)).returning(tenants.c.name)
    return len(session.scalars(gone).all())


def note_turn(session: Session, tenant: str, moment: datetime) -> None:
    """Remember that a transfer of the tenant starts now."""
    session.execute(tenants.update().where(tenants.c.name == tenant).values(served_at=moment))


def _is_idle(before: datetime) -> tuple[ColumnElement[bool], ...]:
    mine = transfers.c.tenant == tenants.c.name
    unfinished = [state for state in TransferState if not is_final(state)]
    busy = select(transfers.c.id).where(mine, transfers.c.state.in_(unfinished)).correlate(tenants)
    long_ago = or_(tenants.c.served_at.is_(None), tenants.c.served_at < before)
    return tenants.c.name != "", long_ago, ~busy.exists()


def _first_of_tenant(moment: datetime) -> ScalarSelect[Any]:
    waiting = transfers.alias("waiting")
    ready = or_(waiting.c.not_before.is_(None), waiting.c.not_before <= moment)
    queued = and_(waiting.c.tenant == tenants.c.name, waiting.c.state == TransferState.QUEUED)
    query = select(waiting.c.id).where(queued, ready).correlate(tenants)
    order = (waiting.c.priority.desc(), waiting.c.created_at, waiting.c.id)
    return query.order_by(*order).limit(1).scalar_subquery()


def _running_of_tenant() -> ScalarSelect[Any]:
    held = transfers.alias("held")
    of_tenant = and_(held.c.tenant == tenants.c.name, held.c.state == TransferState.RUNNING)
    return (
        select(func.count()).select_from(held).where(of_tenant).correlate(tenants).scalar_subquery()
    )
