"""Reading the service over HTTP, again while its API is being started."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from app.client import BabelportProblem, Client

T = TypeVar("T")
_PATIENCE = 60.0


def answered(ask: Callable[[], T], tend: Callable[[], None] = lambda: None) -> T:
    """The answer of `ask`, asked again while the service cannot be reached."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return ask()
        except BabelportProblem as problem:
            if problem.status not in (0, 503) or time.monotonic() > deadline:
                raise
        tend()
        time.sleep(0.2)


def every(pages: Callable[..., dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All items of a list that is given in pages."""
    cursor: str | None = None
    while True:
        page = pages(limit=200, cursor=cursor)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def scores_of(client: Client, transfer: str) -> dict[str, Any]:
    """All that was measured in a transfer, by kind of evaluation: metrics, labels, rows."""
    return {
        evaluation["kind"]: {key: evaluation[key] for key in ("rows", "labels", "metrics")}
        for evaluation in client.evaluations.of(transfer)["items"]
    }
