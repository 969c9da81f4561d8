"""The nouns of the client, once for both clients.

`Answer` is `dict[str, Any]` in the synchronous client, and an awaitable of it in the other.
Answers are the service's JSON as it is; docs/api.md describes their fields.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from app.client.call import Call, creation

Answer = TypeVar("Answer")
Send = Callable[[Call], Answer]


class Models(Generic[Answer]):
    """Registered models.

    `model` is an id, a name (its newest version), `name@version` or `name@alias`.
    """

    def __init__(self, send: Send[Answer]) -> None:
        self._send = send

    def upload(
        self,
        path: str | Path,
        name: str | None = None,
        language: str = "en",
        labels: list[str] | None = None,
        input: dict[str, Any] | None = None,
        vectors: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Register a model file; `labels` and `input` say what the file cannot say itself.

        `vectors` (`words`, `pooling`) says how a file of word vectors is read. One key registers
        one model, however often it is sent; a fresh one is made where none is given.
        """
        fields = {"name": name, "language": language, "labels": labels, "input": input}
        fields["vectors"] = vectors
        files = {"file": Path(path)}
        return self._send(creation("/v1/models", idempotency_key, fields=fields, files=files))

    def get(self, model: str) -> Answer:
        """One model."""
        return self._send(Call("GET", f"/v1/models/{model}"))

    def list(
        self,
        limit: int = 50,
        cursor: str | None = None,
        name: str | None = None,
        status: str | None = None,
    ) -> Answer:
        """A page of models, newest first: `items` and `next_cursor`."""
        params = {"limit": limit, "cursor": cursor, "name": name, "status": status}
        return self._send(Call("GET", "/v1/models", params=params))

    def drift(self, model: str, days: int = 7) -> Answer:
        """Live traffic of today and the days before, beside the model's own evaluation."""
        return self._send(Call("GET", f"/v1/models/{model}/drift", params={"days": days}))

    def lineage(self, model: str) -> Answer:
        """The model's ancestors, the nearest first, with the transfers between them."""
        return self._send(Call("GET", f"/v1/models/{model}/lineage"))

    def delete(self, model: str) -> Answer:
        """Delete a model that nothing uses."""
        return self._send(Call("DELETE", f"/v1/models/{model}"))


class Datasets(Generic[Answer]):
    """Registered datasets."""

    def __init__(self, send: Send[Answer]) -> None:
        self._send = send

    def upload(
        self,
        path: str | Path,
        language: str,
        name: str | None = None,
        text: str | None = None,
        label: str | None = None,
        group: str | None = None,
        source: str | None = None,
        target: str | None = None,
        kind: str | None = None,
        separator: str | None = None,
        part: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Register a data file; `text`, `label`, `group`, `source`, `target` name its columns.

        `separator` stands between the labels of one row where one cell holds several; `part` says
        which of `train`, `validation` and `test` to read of images that come with all of them. The
        key is as for models.
        """
        fields = {"language": language, "name": name, "kind": kind}
        fields |= {"text": text, "label": label, "group": group}
        fields |= {"source": source, "target": target, "separator": separator, "part": part}
        files = {"file": Path(path)}
        return self._send(creation("/v1/datasets", idempotency_key, fields=fields, files=files))

    def get(self, dataset: str, model: str | None = None) -> Answer:
        """One dataset with its report; with `model`, also its tokens per word under that model."""
        return self._send(Call("GET", f"/v1/datasets/{dataset}", params={"model": model}))

    def list(self, limit: int = 50, cursor: str | None = None) -> Answer:
        """A page of datasets, newest first: `items` and `next_cursor`."""
        return self._send(Call("GET", "/v1/datasets", params={"limit": limit, "cursor": cursor}))

    def preview(self, dataset: str, offset: int = 0, limit: int = 20) -> Answer:
        """Some rows of a dataset, under `items`."""
        params = {"offset": offset, "limit": limit}
        return self._send(Call("GET", f"/v1/datasets/{dataset}/preview", params=params))

    def delete(self, dataset: str) -> Answer:
        """Delete a dataset that nothing uses."""
        return self._send(Call("DELETE", f"/v1/datasets/{dataset}"))


class Evaluations(Generic[Answer]):
    """Scores of models and baselines."""

    def __init__(self, send: Send[Answer]) -> None:
        self._send = send

    def of(self, transfer: str) -> Answer:
        """All evaluations of a transfer, under `items`."""
        return self._send(Call("GET", f"/v1/transfers/{transfer}/evaluations"))

    def get(self, evaluation: str) -> Answer:
        """One evaluation."""
        return self._send(Call("GET", f"/v1/evaluations/{evaluation}"))

    def list(
        self,
        limit: int = 50,
        cursor: str | None = None,
        transfer: str | None = None,
        model: str | None = None,
    ) -> Answer:
        """A page of evaluations, newest first: `items` and `next_cursor`."""
        params = {"limit": limit, "cursor": cursor, "transfer": transfer, "model": model}
        return self._send(Call("GET", "/v1/evaluations", params=params))

    def rows(
        self, evaluation: str, order: str = "worst", offset: int = 0, limit: int = 50
    ) -> Answer:
        """Per-row predictions under `items`; `order` is `worst` (first) or `row`."""
        params = {"order": order, "offset": offset, "limit": limit}
        return self._send(Call("GET", f"/v1/evaluations/{evaluation}/rows", params=params))
