"""How fast inputs are answered, and how much later than the mean the last of them are."""

from __future__ import annotations

_NEWEST_COUNTS = 0.02  # what one more answer changes in the rate
_LEAST_SECONDS = 1e-4
# One answer in two hundred may be later than the bound on lateness: it rises by the first with
# such an answer, and falls by the second with any other.
_LATER, _SOONER = 0.05, 0.05 / 199
_FIRST_LATENESS = 1.7
_MOST_LATENESS = 3.0


class Pace:
    """Learnt from answers; `rate` is None before the first.

    The rate is Little's law over recent answers: the mean of how many were in by the mean of how
    long they took. (The mean of each one's own quotient would be above it: quick ones count more.)
    Batches are chosen by length, and they differ; so the lateness of an answer, its time by
    what the rate promised, has a bound of its own: a quantile by stochastic approximation (Robbins
    and Monro, 1951).
    """

    def __init__(self) -> None:
        self.rate: float | None = None  # inputs a second
        self._inputs = 0.0
        self._seconds = 0.0
        self._lateness = _FIRST_LATENESS

    def learn(self, inputs: int, seconds: float) -> None:
        """So many `inputs` were in, this one included, when it came; it took `seconds`."""
        seconds = max(seconds, _LEAST_SECONDS)
        if self.rate is None:
            self._inputs, self._seconds = float(inputs), seconds
        else:
            later = seconds * self.rate > self._lateness * inputs
            bound = self._lateness + (_LATER if later else -_SOONER)
            self._lateness = min(_MOST_LATENESS, max(1.0, bound))
            self._inputs += _NEWEST_COUNTS * (inputs - self._inputs)
            self._seconds += _NEWEST_COUNTS * (seconds - self._seconds)
        self.rate = self._inputs / self._seconds

    def usual(self, seconds: float) -> float:
        """How many inputs are answered in `seconds`; infinite before the first answer."""
        return float("inf") if self.rate is None else self.rate * seconds

    def sure(self, seconds: float) -> float:
        """With how many in, nearly every one of them is answered within `seconds`."""
        return self.usual(seconds / self._lateness)
