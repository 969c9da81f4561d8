"""Liveness and readiness: the checks, and their routes."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from app.api import error_examples as examples
from app.api.errors import responses
from app.domain.errors import BabelportError
from app.domain.errors.service import ComponentCheck, NotReady
from app.services.context import Context
from app.serving.predictor import Predictor
from app.store.migrations import require_revision

router = APIRouter(tags=["health"])
# So long an answer of the artifacts' store holds: a bucket is asked for money.
_ARTIFACTS_SECONDS = 5.0
_CHECK_TIMEOUT_SECONDS = 3.0
_NO_ARTIFACT = "0" * 64


class HealthAnswer(BaseModel):
    """The service answers."""

    status: str = "ok"


class ReadinessCheck(BaseModel):
    """One part that requests need."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    ok: bool
    detail: str


class ReadinessAnswer(HealthAnswer):
    """The service can work."""

    checks: list[ReadinessCheck]


@router.get("/health", response_model=HealthAnswer)
async def get_health() -> HealthAnswer:
    """Report that the process is alive; depends on nothing else, so it always answers."""
    return HealthAnswer()


@router.get("/ready", response_model=ReadinessAnswer, responses=responses(examples.NOT_READY))
async def get_ready(request: Request) -> Any:
    """Report whether requests can be served.

    The database answers and is migrated, artifacts can be written, the predictor answers or can be
    started, and the process is not about to end. Otherwise a 503, whose `errors` has the checks.
    """
    readiness: Readiness = request.app.state.readiness
    return {"checks": await readiness.require()}


class Readiness:
    """The readiness checks of one process."""

    def __init__(self, context: Context, predictor: Predictor, draining: threading.Event) -> None:
        self._context = context
        self._predictor = predictor
        self._draining = draining
        self._artifacts: tuple[float, ComponentCheck] | None = None

    async def require(self) -> list[ComponentCheck]:
        """Every check; raises `NotReady` where one has failed."""
        checks = await self.checks()
        if not all(check.ok for check in checks):
            raise NotReady(checks)
        return checks

    async def checks(self) -> list[ComponentCheck]:
        """Every check, all at once; what does not answer within seconds has failed."""
        return [
            ComponentCheck("draining", False, "the process is about to end")
            if self._draining.is_set()
            else ComponentCheck("draining", True),
            *await asyncio.gather(
                _checked("database", asyncio.to_thread(self._ask_database)),
                self._check_artifacts(),
                # None where no process runs: the next request starts one.
                _checked("predictor", self._predictor.state()),
            ),
        ]

    async def _check_artifacts(self) -> ComponentCheck:
        if self._artifacts is None or time.monotonic() > self._artifacts[0]:
            found = await _checked("artifacts", asyncio.to_thread(self._ask_artifacts))
            self._artifacts = (time.monotonic() + _ARTIFACTS_SECONDS, found)
        return self._artifacts[1]

    def _ask_database(self) -> None:
        with self._context.readers() as session:
            require_revision(session)

    def _ask_artifacts(self) -> None:
        with self._context.artifacts.workspace() as folder:
            (folder / "writable").write_bytes(b"1")
        self._context.artifacts.exists(_NO_ARTIFACT)


async def _checked(name: str, asking: Any) -> ComponentCheck:
    try:
        await asyncio.wait_for(asking, _CHECK_TIMEOUT_SECONDS)
    except TimeoutError:
        return ComponentCheck(name, False, f"no answer within {_CHECK_TIMEOUT_SECONDS:g} seconds")
    except BabelportError as error:
        return ComponentCheck(name, False, error.message)
    except Exception as error:
        # Its text may hold addresses and passwords; who operates the service has the log.
        return ComponentCheck(name, False, type(error).__name__)
    return ComponentCheck(name, True)
