"""The service's nouns, once for both clients: models, aliases, datasets, transfers, evaluations.

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
FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})


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


class Aliases(Generic[Answer]):
    """Pointers such as `champion`: `intents@champion` is whatever model it points to."""

    def __init__(self, send: Send[Answer]) -> None:
        self._send = send

    def list(self, name: str) -> Answer:
        """All aliases of a model's name, under `items`."""
        return self._send(Call("GET", f"/v1/models/{name}/aliases"))

    def get(self, name: str, alias: str) -> Answer:
        """One alias, with where it pointed before under `moves`."""
        return self._send(Call("GET", _alias_path(name, alias)))

    def point(
        self,
        name: str,
        alias: str,
        model: str | int,
        canary: dict[str, Any] | None = None,
        shadow: dict[str, Any] | None = None,
        revision: int | None = None,
    ) -> Answer:
        """Point an alias to a model (an id, a reference or a version), once that is loaded.

        `canary` and `shadow` name another model each, and its `percent` of the requests; what is
        left out is taken away. With `revision` it is changed only where it is at that one
        (`alias-changed` otherwise).
        """
        body = {"model": model, "canary": canary, "shadow": shadow}
        return self._send(
            Call("PUT", _alias_path(name, alias), json=body, headers=_if_match(revision))
        )

    def comparison(self, name: str, alias: str) -> Answer:
        """What the models under an alias answered, and where its shadows differed."""
        return self._send(Call("GET", f"{_alias_path(name, alias)}/comparison"))

    def remove(self, name: str, alias: str, revision: int | None = None) -> Answer:
        """Remove an alias, where it is at `revision` if one is given; its models stay."""
        return self._send(Call("DELETE", _alias_path(name, alias), headers=_if_match(revision)))


def _alias_path(name: str, alias: str) -> str:
    return f"/v1/models/{name}/aliases/{alias}"


def _if_match(revision: int | None) -> dict[str, str]:
    return {} if revision is None else {"If-Match": f'"{revision}"'}


class Transfers(Generic[Answer]):
    """Jobs that carry a model into a language."""

    def __init__(self, send: Send[Answer]) -> None:
        self._send = send

    def start(
        self,
        model: str,
        language: str,
        datasets: dict[str, str],
        method: str,
        parameters: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
        **spec: Any,
    ) -> Answer:
        """Queue a transfer; `datasets` maps roles (`train`, `test`, ...) to dataset ids.

        `spec` takes the remaining fields: name, seed, repeats, sample, validation_fraction,
        test_fraction, wanted_precision, auxiliary_model, label_mapping, priority, tenant. One key
        starts one transfer, however often it is sent; a fresh one is made where none is given.
        """
        body = {"model": model, "language": language, "datasets": datasets, "method": method}
        body |= {"parameters": parameters or {}} | spec
        return self._send(creation("/v1/transfers", idempotency_key, json=body))

    def start_with_files(
        self,
        model: str | Path,
        files: dict[str, str | Path],
        language: str,
        method: str,
        parameters: dict[str, Any] | None = None,
        model_info: dict[str, Any] | None = None,
        datasets: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
        **spec: Any,
    ) -> Answer:
        """Upload a model file and data files by role, and queue their transfer, all or nothing.

        `model_info` may hold name, language, labels and input of the model file; `datasets` may
        hold per role the name, language and columns of its file.
        """
        body = {"language": language, "method": method, "parameters": parameters or {}} | spec
        body |= {"model": model_info or {}, "datasets": datasets or {}}
        sent = {"model": Path(model)} | {role: Path(path) for role, path in files.items()}
        fields = {"spec": body}
        return self._send(creation("/v1/transfers", idempotency_key, fields=fields, files=sent))

    def get(self, transfer: str) -> Answer:
        """One transfer: its state, progress, result or failure."""
        return self._send(Call("GET", f"/v1/transfers/{transfer}"))

    def list(
        self,
        limit: int = 50,
        cursor: str | None = None,
        state: str | None = None,
        model: str | None = None,
    ) -> Answer:
        """A page of transfers, newest first: `items` and `next_cursor`."""
        params = {"limit": limit, "cursor": cursor, "state": state, "model": model}
        return self._send(Call("GET", "/v1/transfers", params=params))

    def cancel(self, transfer: str) -> Answer:
        """Cancel a transfer; its source model and datasets stay as they are."""
        return self._send(Call("POST", f"/v1/transfers/{transfer}/cancel"))

    def pause(self, transfer: str) -> Answer:
        """Pause a transfer; a running one saves its state first."""
        return self._send(Call("POST", f"/v1/transfers/{transfer}/pause"))

    def resume(self, transfer: str) -> Answer:
        """Queue a paused transfer again."""
        return self._send(Call("POST", f"/v1/transfers/{transfer}/resume"))

    def retry(self, transfer: str) -> Answer:
        """Try a failed or cancelled transfer again; its history is kept."""
        return self._send(creation(f"/v1/transfers/{transfer}/retry", key=None))

    def set_priority(self, transfer: str, priority: int) -> Answer:
        """Let a transfer that has not ended start sooner (up to 100) or later (down to -100)."""
        return self._send(Call("PATCH", f"/v1/transfers/{transfer}", json={"priority": priority}))

    def attempts(self, transfer: str) -> Answer:
        """Which worker ran the transfer when and how each attempt ended, under `items`."""
        return self._send(Call("GET", f"/v1/transfers/{transfer}/attempts"))

    def split(self, transfer: str) -> Answer:
        """Which rows of which dataset trained, validated and tested a succeeded transfer."""
        return self._send(Call("GET", f"/v1/transfers/{transfer}/split"))
