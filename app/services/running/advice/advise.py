"""All advice on a finished transfer, which never makes it fail."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from app.learn.advice.statements import inapplicable, untold
from app.learn.monitor import Cancelled, Monitor
from app.learn.portion import Portion
from app.services.running.advice.abstaining import abstaining
from app.services.running.advice.case import Case
from app.services.running.advice.distances import distances
from app.services.running.advice.labels import labels
from app.services.running.advice.leaks import leaks
from app.services.running.advice.rows_of_others import rows_of_others
from app.services.running.advice.tokenizers import tokenizers
from app.services.running.advice.truncation import truncation
from app.services.running.advice.views import NothingSeen

_A_LITTLE = 15.0
_log = logging.getLogger(__name__)
_PARTS: dict[str, Callable[[Case], dict[str, Any]]] = {
    "abstention": abstaining,
    "learning_curve": labels,
    "leakage": leaks,
    "language_distance": distances,
    "tokenizer": tokenizers,
    "truncation": truncation,
    "wrong_language": rows_of_others,
}


def advise(case: Case) -> dict[str, Any] | None:
    """A statement for each part (`app.learn.advice.statements`), and the `seconds` it all took.

    A part that cannot be computed says why; only `Cancelled` passes. None where the settings
    allow no time for it.
    """
    if not case.seconds:
        return None
    began = time.monotonic()
    advice: dict[str, Any] = {}
    case.monitor = turns = _Turns(case.monitor)
    for number, (name, give) in enumerate(_PARTS.items()):
        turns.begin(number)
        advice[name] = _given(give, case)
    return advice | {"seconds": round(time.monotonic() - began, 2)}


def advice_seconds(most: float, passed: float) -> float:
    """As long as the work took, which is `passed` seconds, or a little, but not over `most`.

    A short transfer should not wait long for advice.
    """
    return min(most, max(_A_LITTLE, passed))


class _Turns:
    """The Monitor of all parts, which share networks and vectors; each has a turn on the bar."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._turn: Monitor = monitor

    def begin(self, number: int) -> None:
        """Count what is reported from now on for this part."""
        self._turn = Portion(self._monitor, number / len(_PARTS), (number + 1) / len(_PARTS))
        self._turn.progress("giving advice", 0.0)

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Report the fraction of a computation of the part; several of one part count as one."""
        self._turn.progress("giving advice", fraction, **facts)

    def event(self, kind: str, **data: Any) -> None:
        """Pass the event on."""
        self._monitor.event(kind, **data)


def _given(give: Callable[[Case], dict[str, Any]], case: Case) -> dict[str, Any]:
    try:
        return give(case)
    except Cancelled:
        raise
    except NothingSeen:
        return inapplicable("This model's head does not read one vector for each row.")
    except Exception as error:
        _log.exception("advice could not be given")
        return untold(f"This could not be computed: {type(error).__name__}: {str(error)[:200]}")
