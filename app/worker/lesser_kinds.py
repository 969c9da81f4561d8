"""The kinds of lesser jobs, in the order in which a slot without a transfer looks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.domain.lesser_jobs import LesserJob
from app.settings import Settings
from app.store import batch_predictions, compilations
from app.store.lesser_leases import LesserLeases


def nothing_to_enlist(session: Session) -> None:
    """For kinds whose jobs are queued by those who ask for them."""


@dataclass(frozen=True)
class LesserKind:
    """One kind: where its jobs stand, and the callable that does one.

    `target` (`package.module:function`) gets `argument`, the job's key, and `attempt`. `wanted`
    says whether the settings want such jobs at all. `waits`, which only reads, says whether a
    claim might find something; `enlist` may add jobs right before a claim, in its transaction.
    A job that `gives_way` is ended for a transfer that waits, and begins anew later.
    """

    leases: LesserLeases
    target: str
    argument: str
    max_attempts: Callable[[Settings], int]
    waits: Callable[[Session], bool]
    enlist: Callable[[Session], None] = nothing_to_enlist
    wanted: Callable[[Settings], bool] = lambda _: True
    gives_way: bool = False


@dataclass(frozen=True)
class HeldJob:
    """A job that was claimed, and its kind."""

    kind: LesserKind
    job: LesserJob


_BATCH_PREDICTIONS = LesserKind(
    leases=batch_predictions.LEASES,
    target="app.services.predict_batch:predict_batch",
    argument="batch_prediction_id",
    max_attempts=lambda settings: settings.max_attempts,
    waits=batch_predictions.LEASES.anything_waits,
)
_COMPILATIONS = LesserKind(
    leases=compilations.LEASES,
    target="app.services.compile_model:compile_model",
    argument="model_id",
    max_attempts=lambda _: compilations.MAX_ATTEMPTS,
    waits=compilations.waits,
    enlist=compilations.enlist,
    wanted=lambda settings: settings.compile_models,
    gives_way=True,
)
# Somebody waits for predictions: they go before what only makes answers faster.
KINDS: tuple[LesserKind, ...] = (_BATCH_PREDICTIONS, _COMPILATIONS)
