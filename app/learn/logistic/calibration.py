"""Makes a strongly penalised head as sure of itself as it is right."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from app.learn.logistic.linear_head import LinearHead
from app.learn.logistic.regression import losses
from app.learn.logistic.strength import Strength

_WIDEST = np.log(20.0)


def calibrated(head: LinearHead, chosen: Strength) -> LinearHead:
    """`head` with its logits scaled by one number, the best for the out-of-fold logits.

    Temperature scaling (Guo et al., 2017); which label is likeliest stays the same.
    """
    targets = chosen.points.targets
    found = minimize_scalar(
        lambda log: losses(chosen.logits * np.exp(log), targets).mean(),
        bounds=(-_WIDEST, _WIDEST),
        method="bounded",
    )
    factor = float(np.exp(found.x))
    return LinearHead(head.weight * factor, head.bias * factor)
