"""Answers that are numbers: NaN and infinity are refused wherever a model is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from app.domain.errors.predictions import AnswerNotFinite


def require_finite(
    answers: Sequence[np.ndarray] | np.ndarray,
    model: str = "The model",
    place: Callable[[int], str] = "inputs[{}]".format,
) -> None:
    """Raise AnswerNotFinite where an answer (float32, any shape) holds NaN or infinity.

    `place` names an input by its position from 0.
    """
    wrong = [number for number, one in enumerate(answers) if not math.isfinite(one.sum())]
    if wrong:
        raise AnswerNotFinite(model, [place(number) for number in wrong])
