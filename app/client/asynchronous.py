"""The asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from app.client.batch_predictions import AsyncBatchPredictions
from app.client.call import Call, neighbours, prediction, translations, without_none
from app.client.problem import answer_of, problem_of, unreachable
from app.client.resources import FINAL_STATES, Aliases, Datasets, Evaluations, Models, Transfers
from app.client.transport import (
    TIMEOUT,
    RetryPolicy,
    StreamReconnection,
    download_async,
    event_of,
    is_final,
)

JSON = dict[str, Any]


class AsyncClient:
    """A Babelport service at `url`, as `Client` but awaited; an asynchronous context manager."""

    def __init__(self, url: str = "http://127.0.0.1:8000") -> None:
        self._http = httpx2.AsyncClient(base_url=url, timeout=TIMEOUT)
        self.models = _Models(self._http, self._send)
        self.aliases: Aliases[Awaitable[JSON]] = Aliases(self._send)
        self.datasets: Datasets[Awaitable[JSON]] = Datasets(self._send)
        self.transfers = _Transfers(self._http, self._send)
        self.evaluations: Evaluations[Awaitable[JSON]] = Evaluations(self._send)
        self.batch_predictions = AsyncBatchPredictions(self._http, self._send)

    async def methods(self) -> JSON:
        """The methods of transfer, under `items`, with their parameters as JSON schema."""
        return await self._send(Call("GET", "/v1/methods"))

    async def predict(self, model: str, inputs: list[Any], window: JSON | None = None) -> JSON:
        """Labels with probabilities for texts, or for images (base64 PNG or nested numbers).

        `window` (`pool`: mean, max or vote; `stride`) reads long texts to their end.
        """
        return await self._send(prediction(model, inputs, window))

    async def neighbours(self, model: str, words: list[str], **options: Any) -> JSON:
        """The words nearest to each of `words`; options: k, measure (cosine, csls), language."""
        return await self._send(neighbours(model, words, options))

    async def translations(self, model: str, words: list[str], **options: Any) -> JSON:
        """Each word's nearest in another language; options: those of `neighbours`, and
        target_language, target_model.
        """
        return await self._send(translations(model, words, options))

    async def health(self) -> JSON:
        """The service's liveness."""
        return await self._send(Call("GET", "/health"))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send(self, call: Call) -> JSON:
        retry = RetryPolicy(call)
        while True:
            try:
                with ExitStack() as opened:
                    arguments = call.arguments(opened)
                    response = await self._http.request(call.method, call.path, **arguments)
            except httpx2.TransportError as error:
                pause = retry.pause(error)
                if pause is None:
                    raise unreachable(self._http.base_url, error) from error
            else:
                pause = retry.pause(response) if response.is_error else None
                if pause is None:
                    return answer_of(response)
            await asyncio.sleep(pause)


class _Models(Models[Awaitable[JSON]]):
    def __init__(self, http: httpx2.AsyncClient, send: Callable[[Call], Awaitable[JSON]]) -> None:
        super().__init__(send)
        self._http = http

    async def download(
        self,
        model: str,
        path: str | Path,
        format: str | None = None,
        language: str | None = None,
    ) -> Path:
        """Write the model's artifact to `path`; an archive or a single file, as registered.

        With `format` "onnx" it is a zip of one ONNX graph with everything inside and the tokenizer;
        with "sentence-transformers" of plain modules, every text taken to be of `language`.
        """
        params = without_none({"format": format, "language": language})
        return await download_async(self._http, f"/v1/models/{model}/artifact", path, params)


class _Transfers(Transfers[Awaitable[JSON]]):
    def __init__(self, http: httpx2.AsyncClient, send: Callable[[Call], Awaitable[JSON]]) -> None:
        super().__init__(send)
        self._http = http

    async def events(self, transfer: str, after: int = 0) -> AsyncIterator[JSON]:
        """The transfer's events (`sequence`, `kind`, `at`, `data`) until its final one.

        `progress` events have no sequence. A lost connection is taken up again where it ended.
        """
        reconnection = StreamReconnection(after)
        while True:
            received = 0
            try:
                async for event in self._connection(transfer, reconnection):
                    received += 1
                    yield event
                    # What failed may have been tried again since.
                    if is_final(event) and await self._is_over(transfer):
                        return
                if not received and await self._is_over(transfer):
                    return
            except httpx2.TransportError as error:
                if reconnection.is_hopeless():
                    raise unreachable(self._http.base_url, error) from error
            await asyncio.sleep(reconnection.pause())

    async def _is_over(self, transfer: str) -> bool:
        return (await self.get(transfer))["state"] in FINAL_STATES

    async def wait(self, transfer: str, on_event: Callable[[JSON], None] | None = None) -> JSON:
        """Wait until the transfer is over and return it, whether it succeeded or not."""
        async for event in self.events(transfer):
            if on_event is not None:
                on_event(event)
        return await self.get(transfer)

    async def _connection(
        self, transfer: str, reconnection: StreamReconnection
    ) -> AsyncIterator[JSON]:
        path = f"/v1/transfers/{transfer}/events"
        async with self._http.sse(path, **reconnection.arguments()) as source:
            if source.response.is_error:
                await source.response.aread()
                raise problem_of(source.response)
            async for sent in source:
                if not sent.data:
                    continue
                reconnection.received(sent.id)
                yield event_of(sent)
