"""The answer to a creating request, kept so that the same request sent again gets it once more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class KeptAnswer:
    """What was answered to the request with `key` at `method` and `path`.

    `request_digest` is the same for requests that ask the same, files' bytes included.
    """

    key: str
    method: str
    path: str
    request_digest: str
    status: int
    headers: dict[str, str]
    body: str
    created_at: datetime
