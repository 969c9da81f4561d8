"""A request as plain data, so that both clients build their requests in one place."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Call:
    """One request; `files` maps a form field to a file on this machine, sent as a stream.

    With `files`, `fields` are sent as form fields beside them. Values None are left out.
    """

    method: str
    path: str
    params: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def arguments(self, opened: ExitStack) -> dict[str, Any]:
        """Keyword arguments of httpx's `request`; `opened` closes the files afterwards."""
        given: dict[str, Any] = {"params": present(self.params), "headers": self.headers}
        if self.files:
            given["data"] = {name: _form_value(v) for name, v in present(self.fields).items()}
            given["files"] = {
                name: (path.name, opened.enter_context(path.open("rb")))
                for name, path in self.files.items()
            }
        elif self.json is not None:
            given["json"] = self.json
        return given


def creation(path: str, key: str | None, **given: Any) -> Call:
    """A POST that creates something, under `key` or a fresh one, so that it can be sent again."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return Call("POST", path, headers=headers, **given)


def prediction(model: str, inputs: list[Any], window: dict[str, Any] | None) -> Call:
    """The request for predictions; without a `window` it does not name one."""
    body = present({"inputs": inputs, "window": window})
    return Call("POST", f"/v1/models/{model}/predict", json=body)


def present(values: dict[str, Any]) -> dict[str, Any]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _form_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
