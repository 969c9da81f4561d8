"""Aliases of model names, for both clients."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from app.client.call import Call
from app.client.nouns import Send

Answer = TypeVar("Answer")


class Aliases(Generic[Answer]):
    """Pointers such as `champion`: `intents@champion` is whatever model it points to."""

    def __init__(self, send: Send[Answer]) -> None:
        self._send = send

    def list(self, name: str) -> Answer:
        """All aliases of a model's name, under `items`."""
        return self._send(Call("GET", f"/v1/models/{name}/aliases"))

    def get(self, name: str, alias: str) -> Answer:
        """One alias, with where it pointed before under `moves`."""
        return self._send(Call("GET", _path(name, alias)))

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
        return self._send(Call("PUT", _path(name, alias), json=body, headers=_if(revision)))

    def comparison(self, name: str, alias: str) -> Answer:
        """What the models under an alias answered, and where its shadows differed."""
        return self._send(Call("GET", f"{_path(name, alias)}/comparison"))

    def remove(self, name: str, alias: str, revision: int | None = None) -> Answer:
        """Remove an alias, where it is at `revision` if one is given; its models stay."""
        return self._send(Call("DELETE", _path(name, alias), headers=_if(revision)))


def _path(name: str, alias: str) -> str:
    return f"/v1/models/{name}/aliases/{alias}"


def _if(revision: int | None) -> dict[str, str]:
    return {} if revision is None else {"If-Match": f'"{revision}"'}
