"""The kinds of jobs, in the order in which a slot looks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.settings import Settings
from app.store import batch_predictions, job_queue, models, transfers


@dataclass(frozen=True)
class JobKind:
    """A kind of jobs; `name` is the value of its jobs' column `kind`.

    `target` (`package.module:function`) is what a job's child calls, with `job_id` and `attempt`;
    as a string, so that an idle worker imports no torch. `wanted` says whether the settings want
    such jobs at all. `enqueue_missing` may add jobs right before a claim, in its transaction;
    `waits`, which only reads, then says whether a claim might find something. A slot that found
    none does not look again for `look_seconds`. A job that `gives_way` is ended for a waiting job
    of the first kind, and begins anew later. The starts of a kind that `takes_turns` count as
    their tenants' among the waiting tenants.
    """

    name: str
    target: str
    max_attempts: Callable[[Settings], int]
    wanted: Callable[[Settings], bool] = lambda _: True
    enqueue_missing: Callable[[Session], None] | None = None
    waits: Callable[[Session], bool] | None = None
    look_seconds: float = 0.0
    gives_way: bool = False
    takes_turns: bool = False

    def anything_waits(self, session: Session) -> bool:
        """Whether a claim might find something."""
        if self.waits is not None:
            return self.waits(session)
        return job_queue.anything_waits(session, self.name)


# Idle slots look for transfers several times a second; looking for these costs more queries, and
# nobody waits for them as long as for a transfer's start.
_BACKGROUND_LOOK_SECONDS = 1.0
TRANSFERS = JobKind(
    name=transfers.KIND,
    target="app.services.transfers.run:run_transfer",
    max_attempts=lambda settings: settings.max_attempts,
    takes_turns=True,
)
BATCH_PREDICTIONS = JobKind(
    name=batch_predictions.KIND,
    target="app.services.predict_batch:predict_batch",
    max_attempts=lambda settings: settings.max_attempts,
    look_seconds=_BACKGROUND_LOOK_SECONDS,
)
COMPILATIONS = JobKind(
    name=models.COMPILATION,
    target="app.services.compile_model:compile_model",
    max_attempts=lambda _: models.MAX_COMPILATION_ATTEMPTS,
    wanted=lambda settings: settings.compile_models,
    enqueue_missing=models.enqueue_compilations,
    waits=models.compilation_waits,
    look_seconds=_BACKGROUND_LOOK_SECONDS,
    gives_way=True,
)
# Somebody waits for predictions: they go before what only makes answers faster.
KINDS: tuple[JobKind, ...] = (TRANSFERS, BATCH_PREDICTIONS, COMPILATIONS)
