"""The learning rate over the steps of a training stage."""

from __future__ import annotations


def rate_factor(step: int, steps: int, warm_up: float) -> float:
    """The share (0..1] of the largest learning rate at `step`, counted from 0, of `steps`.

    It rises in a line during the first `warm_up` share of the steps and then falls in a line.
    The last step still has a rate above zero.
    """
    rising = round(steps * warm_up)
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(steps - rising, 1)
