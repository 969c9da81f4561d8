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
        """Keyword arguments of httpx2's `request`; `opened` closes the files afterwards."""
        arguments: dict[str, Any] = {"params": without_none(self.params), "headers": self.headers}
        if self.files:
            arguments["data"] = {
                name: _form_value(v) for name, v in without_none(self.fields).items()
            }
            arguments["files"] = {
                name: (path.name, opened.enter_context(path.open("rb")))
                for name, path in self.files.items()
            }
        elif self.json is not None:
            arguments["json"] = self.json
        return arguments


def creation(path: str, key: str | None, **content: Any) -> Call:
    """A POST that creates something, under `key` or a fresh one, so that it can be sent again."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return Call("POST", path, headers=headers, **content)


def prediction(model: str, inputs: list[Any], window: dict[str, Any] | None) -> Call:
    """The request for predictions; without a `window` it does not name one."""
    body = without_none({"inputs": inputs, "window": window})
    return Call("POST", f"/v1/models/{model}/predict", json=body)


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _form_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def neighbours(model: str, words: list[str], options: dict[str, Any]) -> Call:
    """Ask for the words nearest to each of `words`."""
    return Call("POST", f"/v1/models/{model}/neighbours", json={"words": words, **options})


def translations(model: str, words: list[str], options: dict[str, Any]) -> Call:
    """Ask for each word's nearest in another language."""
    return Call("POST", f"/v1/models/{model}/translations", json={"words": words, **options})
