"""How long a transfer waits before it is tried again after a lost attempt."""

from __future__ import annotations

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 300.0


def wait_before_retry(lost: int) -> float:
    """Seconds to wait after the attempt lost as number `lost` (1, 2, ...) in a row.

    The first loss waits for nothing: most often a machine was switched off or restarted. Each
    further one waits twice as long, so that a transfer which ends every process does not keep
    the workers busy.
    """
    if lost <= 1:
        return 0.0
    return float(min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(lost - 2, 30)))
