"""Work that nobody waits for any more is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

Result = TypeVar("Result")


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` gives; it is cancelled when the client goes away, which is `ClientDisconnect`.

    The request's body must have been read.
    """
    # The work stays in this task: a task of its own costs as much as all of the rest.
    at_work = asyncio.current_task()
    assert at_work is not None
    left = False

    def leave(leaving: asyncio.Task[None]) -> None:
        nonlocal left
        if not leaving.cancelled():
            left = True
            at_work.cancel()

    leaving = asyncio.create_task(_disconnect(request))
    leaving.add_done_callback(leave)
    try:
        return await work
    except asyncio.CancelledError:
        # Whoever cancels this task for another reason is to see it cancelled.
        if left and at_work.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        leaving.remove_done_callback(leave)
        leaving.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
