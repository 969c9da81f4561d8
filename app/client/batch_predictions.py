"""The batch predictions of the client, for both clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Generic

import httpx2

from app.client.call import Call, creation
from app.client.resources import FINAL_STATES, Answer, Send
from app.client.transport import download, download_async

JSON = dict[str, Any]
_PATH = "/v1/batch-predictions"
_POLL_SECONDS = 0.5


class BatchPredictions(Generic[Answer]):
    """Jobs that predict every row of a dataset."""

    def __init__(self, send: Send[Answer]) -> None:
        self._send = send

    def start(
        self,
        model: str,
        dataset: str,
        name: str | None = None,
        idempotency_key: str | None = None,
        window: JSON | None = None,
    ) -> Answer:
        """Queue one; `dataset` is an id, `name` that of the downloaded file.

        `window` (`pool`, `stride`) reads long texts to their end.
        One key starts one, however often it is sent; a fresh one is made where none is given.
        """
        body = {"model": model, "dataset": dataset, "name": name, "window": window}
        return self._send(creation(_PATH, idempotency_key, json=body))

    def get(self, batch: str) -> Answer:
        """One of them: its state, the rows done, its failure."""
        return self._send(Call("GET", f"{_PATH}/{batch}"))

    def list(
        self,
        limit: int = 50,
        cursor: str | None = None,
        state: str | None = None,
        model: str | None = None,
    ) -> Answer:
        """A page of them, newest first: `items` and `next_cursor`."""
        params = {"limit": limit, "cursor": cursor, "state": state, "model": model}
        return self._send(Call("GET", _PATH, params=params))

    def cancel(self, batch: str) -> Answer:
        """Stop one; it has no results then."""
        return self._send(Call("POST", f"{_PATH}/{batch}/cancel"))

    def delete(self, batch: str) -> Answer:
        """Delete one that is over, with its results."""
        return self._send(Call("DELETE", f"{_PATH}/{batch}"))


class SyncBatchPredictions(BatchPredictions[JSON]):
    """Those of the synchronous client."""

    def __init__(self, http: httpx2.Client, send: Callable[[Call], JSON]) -> None:
        super().__init__(send)
        self._http = http

    def wait(self, batch: str) -> JSON:
        """Block until it is over and return it, whether it succeeded or not."""
        while (found := self.get(batch))["state"] not in FINAL_STATES:
            time.sleep(_POLL_SECONDS)
        return found

    def results(
        self, batch: str, path: str | Path, format: str = "parquet", exact: bool = False
    ) -> Path:
        """Write the results to `path`; `format` is `parquet`, `csv` or `jsonl`.

        In CSV, texts that a spreadsheet would take for a formula get an apostrophe before them,
        unless `exact` is true.
        """
        params = {"format": format, "exact": exact}
        return download(self._http, f"{_PATH}/{batch}/results", path, params)


class AsyncBatchPredictions(BatchPredictions[Awaitable[JSON]]):
    """Those of the asynchronous client."""

    def __init__(self, http: httpx2.AsyncClient, send: Callable[[Call], Awaitable[JSON]]) -> None:
        super().__init__(send)
        self._http = http

    async def wait(self, batch: str) -> JSON:
        """Wait until it is over and return it, whether it succeeded or not."""
        while (found := await self.get(batch))["state"] not in FINAL_STATES:
            await asyncio.sleep(_POLL_SECONDS)
        return found

    async def results(
        self, batch: str, path: str | Path, format: str = "parquet", exact: bool = False
    ) -> Path:
        """Write the results to `path`; as in the synchronous client."""
        params = {"format": format, "exact": exact}
        return await download_async(self._http, f"{_PATH}/{batch}/results", path, params)
