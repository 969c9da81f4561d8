"""The transfers of the client: starting them, in one request or with files, and reading them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generic

from app.client.call import Call, creation
from app.client.nouns import Answer, Send

FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})


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
        test_fraction, wanted_precision, companion, label_mapping, priority, tenant. One key
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
        """Ask a transfer to stop; its source model and datasets stay as they are."""
        return self._send(Call("POST", f"/v1/transfers/{transfer}/cancel"))

    def pause(self, transfer: str) -> Answer:
        """Let a transfer rest; what runs saves its state first."""
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
        """Who tried the transfer when and how that ended, under `items`."""
        return self._send(Call("GET", f"/v1/transfers/{transfer}/attempts"))

    def split(self, transfer: str) -> Answer:
        """Which rows of which dataset trained, validated and tested a succeeded transfer."""
        return self._send(Call("GET", f"/v1/transfers/{transfer}/split"))
