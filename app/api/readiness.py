"""What requests need, checked part by part: the database, artifacts, the predictor, not ending."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from app.domain.errors import BabelportError
from app.domain.errors.readiness import NotReady
from app.domain.readiness import Check
from app.services.context import Context
from app.serving.predictor import Predictor
from app.store.migrate import require_revision

# So long an answer of the artifacts' store holds: a bucket is asked for money.
_ARTIFACTS_SECONDS = 5.0
_PATIENCE_SECONDS = 3.0
_NO_ARTIFACT = "0" * 64


class Readiness:
    """The checks of one process."""

    def __init__(self, context: Context, predictor: Predictor, draining: threading.Event) -> None:
        self._context = context
        self._predictor = predictor
        self._draining = draining
        self._artifacts: tuple[float, Check] | None = None

    async def require(self) -> list[Check]:
        """Every check; raises `NotReady` where one has failed."""
        checks = await self.checks()
        if not all(check.ok for check in checks):
            raise NotReady(checks)
        return checks

    async def checks(self) -> list[Check]:
        """Every check, all at once; what does not answer within seconds has failed."""
        return [
            Check("draining", False, "the process is about to end")
            if self._draining.is_set()
            else Check("draining", True),
            *await asyncio.gather(
                _checked("database", asyncio.to_thread(self._ask_database)),
                self._check_artifacts(),
                # None where no process runs: the next request starts one.
                _checked("predictor", self._predictor.state()),
            ),
        ]

    async def _check_artifacts(self) -> Check:
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


async def _checked(name: str, asking: Any) -> Check:
    try:
        await asyncio.wait_for(asking, _PATIENCE_SECONDS)
    except TimeoutError:
        return Check(name, False, f"no answer within {_PATIENCE_SECONDS:g} seconds")
    except BabelportError as error:
        return Check(name, False, error.message)
    except Exception as error:
        # Its text may hold addresses and passwords; who operates the service has the log.
        return Check(name, False, type(error).__name__)
    return Check(name, True)
