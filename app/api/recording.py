"""The background task that saves what was sampled of traffic, for as long as the API runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.services.record_traffic import TrafficRecorder

_LOGGER = logging.getLogger(__name__)
_EVERY_SECONDS = 3.0


@asynccontextmanager
async def recording(recorder: TrafficRecorder) -> AsyncIterator[None]:
    """Save every few seconds, and once more at the end of the block."""
    ending = asyncio.Event()
    task = asyncio.create_task(_save_until(ending, recorder))
    try:
        yield
    finally:
        ending.set()
        await task


async def _save_until(ending: asyncio.Event, recorder: TrafficRecorder) -> None:
    over = False
    while not over:
        try:
            over = await asyncio.wait_for(ending.wait(), _EVERY_SECONDS)
        except TimeoutError:
            over = False
        try:
            await asyncio.to_thread(recorder.flush)
        except Exception as error:
            # Kept in memory, and saved with what comes next.
            _LOGGER.warning("the sample of traffic was not saved: %s", type(error).__name__)
