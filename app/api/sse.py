"""A transfer's history as server-sent events, from any line on until its last."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent

from app.api.schemas.transfers import EventAnswer, ProgressAnswer
from app.domain.identity import now
from app.domain.transfer_states import TransferState, is_final
from app.domain.transfers import Progress, Transfer, TransferEvent
from app.services.context import Context
from app.services.transfers import history_of

_POLL_SECONDS = 0.25


async def follow(
    context: Context, transfer_id: str, after: int, draining: threading.Event
) -> AsyncIterator[ServerSentEvent]:
    """Every event after the sequence `after`, and the progress between; ends with the transfer.

    Progress is not kept, so its events carry no id and a reconnection does not ask for them. The
    stream ends as well when the process drains: the reader comes back to another one.
    """
    shown: Progress | None = None
    while not draining.is_set():
        transfer, events, complete = await run_in_threadpool(
            history_of, context, transfer_id, after
        )
        for event in events:
            after = event.sequence
            yield _kept(event)
        if transfer.state is TransferState.RUNNING and transfer.progress not in (None, shown):
            shown = transfer.progress
            yield _progress(transfer)
        if is_final(transfer.state) and complete:
            return
        await asyncio.sleep(0 if not complete else _POLL_SECONDS)


def _kept(event: TransferEvent) -> ServerSentEvent:
    data = EventAnswer.model_validate(event).model_dump_json()
    return ServerSentEvent(event=event.kind, id=str(event.sequence), raw_data=data)


def _progress(transfer: Transfer) -> ServerSentEvent:
    facts = ProgressAnswer.model_validate(transfer.progress).model_dump()
    event = EventAnswer(sequence=None, kind="progress", at=now(), data=facts)
    return ServerSentEvent(event="progress", raw_data=event.model_dump_json())
