"""Writing an answer's body into a file as it comes, for both clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from app.client.problem import problem_of

_NO_PARAMS: dict[str, Any] = {}


def download(
    http: httpx.Client, path: str, target: str | Path, params: dict[str, Any] = _NO_PARAMS
) -> Path:
    """GET `path` into the file `target`; raises `BabelportProblem` and then writes nothing."""
    with http.stream("GET", path, params=params) as response:
        if response.is_error:
            response.read()
            raise problem_of(response)
        with Path(target).open("wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
    return Path(target)


async def download_awaited(
    http: httpx.AsyncClient, path: str, target: str | Path, params: dict[str, Any] = _NO_PARAMS
) -> Path:
    """The same, awaited."""
    async with http.stream("GET", path, params=params) as response:
        if response.is_error:
            await response.aread()
            raise problem_of(response)
        with Path(target).open("wb") as file:
            async for chunk in response.aiter_bytes():
                file.write(chunk)
    return Path(target)
