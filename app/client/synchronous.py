"""The synchronous client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from app.client.batch_predictions import SyncBatchPredictions
from app.client.call import Call, neighbours, prediction, translations, without_none
from app.client.problem import answer_of, problem_of, unreachable
from app.client.resources import FINAL_STATES, Aliases, Datasets, Evaluations, Models, Transfers
from app.client.transport import (
    TIMEOUT,
    RetryPolicy,
    StreamReconnection,
    download,
    event_of,
    is_final,
)

JSON = dict[str, Any]


class Client:
    """A Babelport service at `url`; usable as a context manager, safe to share among threads.

    Every method returns the service's JSON and raises `BabelportProblem` on an error.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000") -> None:
        self._http = httpx2.Client(base_url=url, timeout=TIMEOUT)
        self.models = _Models(self._http, self._send)
        self.aliases: Aliases[JSON] = Aliases(self._send)
        self.datasets: Datasets[JSON] = Datasets(self._send)
        self.transfers = _Transfers(self._http, self._send)
        self.evaluations: Evaluations[JSON] = Evaluations(self._send)
        self.batch_predictions = SyncBatchPredictions(self._http, self._send)

    def methods(self) -> JSON:
        """The methods of transfer, under `items`, with their parameters as JSON schema."""
        return self._send(Call("GET", "/v1/methods"))

    def predict(self, model: str, inputs: list[Any], window: JSON | None = None) -> JSON:
        """Labels with probabilities for texts, or for images (base64 PNG or nested numbers).

        `window` (`pool`: mean, max or vote; `stride`) reads long texts to their end.
        """
        return self._send(prediction(model, inputs, window))

    def neighbours(self, model: str, words: list[str], **options: Any) -> JSON:
        """The words nearest to each of `words`; options: k, measure (cosine, csls), language."""
        return self._send(neighbours(model, words, options))

    def translations(self, model: str, words: list[str], **options: Any) -> JSON:
        """Each word's nearest in another language; options: those of `neighbours`, and
        target_language, target_model.
        """
        return self._send(translations(model, words, options))

    def health(self) -> JSON:
        """The service's liveness."""
        return self._send(Call("GET", "/health"))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, call: Call) -> JSON:
        retry = RetryPolicy(call)
        while True:
            try:
                with ExitStack() as opened:
                    arguments = call.arguments(opened)
                    response = self._http.request(call.method, call.path, **arguments)
            except httpx2.TransportError as error:
                pause = retry.pause(error)
                if pause is None:
                    raise unreachable(self._http.base_url, error) from error
            else:
                pause = retry.pause(response) if response.is_error else None
                if pause is None:
                    return answer_of(response)
            time.sleep(pause)


class _Models(Models[JSON]):
    def __init__(self, http: httpx2.Client, send: Callable[[Call], JSON]) -> None:
        super().__init__(send)
        self._http = http

    def download(
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
        return download(self._http, f"/v1/models/{model}/artifact", path, params)


class _Transfers(Transfers[JSON]):
    def __init__(self, http: httpx2.Client, send: Callable[[Call], JSON]) -> None:
        super().__init__(send)
        self._http = http

    def events(self, transfer: str, after: int = 0) -> Iterator[JSON]:
        """The transfer's events (`sequence`, `kind`, `at`, `data`) until its final one.

        `progress` events have no sequence. A lost connection is taken up again where it ended.
        """
        reconnection = StreamReconnection(after)
        while True:
            received = 0
            try:
                for event in self._connection(transfer, reconnection):
                    received += 1
                    yield event
                    # What failed may have been tried again since.
                    if is_final(event) and self._is_over(transfer):
                        return
                if not received and self._is_over(transfer):
                    return
            except httpx2.TransportError as error:
                if reconnection.is_hopeless():
                    raise unreachable(self._http.base_url, error) from error
            time.sleep(reconnection.pause())

    def _is_over(self, transfer: str) -> bool:
        return self.get(transfer)["state"] in FINAL_STATES

    def wait(self, transfer: str, on_event: Callable[[JSON], None] | None = None) -> JSON:
        """Block until the transfer is over and return it, whether it succeeded or not."""
        for event in self.events(transfer):
            if on_event is not None:
                on_event(event)
        return self.get(transfer)

    def _connection(self, transfer: str, reconnection: StreamReconnection) -> Iterator[JSON]:
        path = f"/v1/transfers/{transfer}/events"
        with self._http.sse(path, **reconnection.arguments()) as source:
            if source.response.is_error:
                source.response.read()
                raise problem_of(source.response)
            for sent in source:
                if not sent.data:
                    continue
                reconnection.received(sent.id)
                yield event_of(sent)
