"""Whether the service can work, part by part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One part that requests need; `detail` says what is wrong with it."""

    name: str
    ok: bool
    detail: str = ""
