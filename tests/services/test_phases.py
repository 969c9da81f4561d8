"""Where a transfer stands on its bar."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.transfers.progress import ExpectedSeconds, Phases

_COSTS: dict[str, ExpectedSeconds] = {
    "reading": lambda passed: 1.0,
    "training": lambda passed: max(30.0, 20 * passed),
    "scoring": lambda passed: 5.0,
    "advice": lambda passed: 0.3 * passed,
}


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _Seen:
    """A Monitor that keeps (time, fraction, seconds left)."""

    def __init__(self, clock: _Clock) -> None:
        self.clock = clock
        self.reports: list[tuple[float, float, float | None]] = []

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        self.reports.append((self.clock.now, fraction, facts["eta_seconds"]))

    def event(self, kind: str, **data: Any) -> None:
        pass


def _run(
    took: dict[str, float], resumed_at: float = 0.0, even: bool = True
) -> list[tuple[float, float, float | None]]:
    """Phases that take so many seconds, each reported on a hundred times at an even pace."""
    clock = _Clock()
    seen = _Seen(clock)
    phases = Phases(seen, _COSTS, clock)
    for name, seconds in took.items():
        phase = phases.begin(name, name == "training" or (even and name != "reading"))
        start = resumed_at if name == "training" else 0.0
        if start:
            phase.event("resumed", step=3)
        for step in range(101):
            phase.progress(name, start + (1 - start) * step / 100)
            clock.now += seconds / 100 if step < 100 else 0.0
    return seen.reports


@pytest.mark.parametrize("training", [3.0, 60.0, 5000.0])
def test_the_bar_is_the_share_of_the_time(training: float) -> None:
    took = {"reading": 1.0, "training": training, "scoring": 5.0}
    took["advice"] = 0.3 * sum(took.values())
    reports = _run(took)
    began, whole = 100.0, sum(took.values())
    late = [one for one in reports if one[0] - began > 1 + max(1.1, 0.2 * training)]
    for now, fraction, left in late:
        assert fraction == pytest.approx((now - began) / whole, abs=0.06)
        assert left == pytest.approx(whole - (now - began), abs=0.06 * whole)
    assert reports[-1][1] == 1.0


def test_no_time_is_told_before_training_has_shown_its_pace() -> None:
    reports = _run({"reading": 1.0, "training": 60.0})
    assert all(left is None for now, _, left in reports if now < 101.5)
    assert max(fraction for now, fraction, _ in reports if now < 101.5) < 0.1


def test_advice_that_takes_a_quarter_of_the_time_has_a_quarter_of_the_bar() -> None:
    reports = _run({"reading": 1.0, "training": 30.0, "scoring": 5.0, "advice": 12.0})
    before_advice = max(fraction for now, fraction, _ in reports if now < 135.9)
    assert before_advice < 0.82


def test_a_phase_that_tells_nothing_of_its_time_is_never_said_to_be_over() -> None:
    reports = _run({"reading": 1.0, "training": 30.0, "scoring": 5.0, "advice": 100.0}, even=False)
    advice = [(fraction, left) for now, fraction, left in reports if now > 137]
    assert all(0.7 < fraction < 1.0 for fraction, _ in advice)
    assert len({fraction for fraction, _ in advice}) > 90, "it moves on"
    assert all(left is not None for _, left in advice)


def test_what_an_earlier_attempt_did_counts() -> None:
    reports = _run({"reading": 1.0, "training": 30.0, "scoring": 5.0, "advice": 10.0}, 0.7)
    training = [fraction for now, fraction, _ in reports if 103 < now < 130]
    assert training[0] > 0.5, "seven tenths of a training of 100 s are done"
    last = reports[-1]
    assert last[1] == 1.0


def test_phases_that_are_left_out_cost_nothing() -> None:
    reports = _run({"training": 20.0, "advice": 5.0})
    assert reports[-1][1] == 1.0
    phases = Phases(_Seen(_Clock()), _COSTS, _Clock())
    phases.begin("scoring")
    with pytest.raises(ValueError, match="training is over"):
        phases.begin("training")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["reading", "training", "scoring", "advice"]),
            st.floats(0, 1),
            st.floats(0, 1000),
            st.booleans(),
        ),
        max_size=40,
    )
)
@settings(max_examples=100, deadline=None)
def test_the_bar_never_falls_and_stays_within_its_ends(
    reports: list[tuple[str, float, float, bool]],
) -> None:
    clock = _Clock()
    seen = _Seen(clock)
    phases = Phases(seen, _COSTS, clock)
    order = list(_COSTS)
    name, phase = "reading", phases.begin("reading")
    for wanted, fraction, seconds, resumed in reports:
        if order.index(wanted) > order.index(name):
            name, phase = wanted, phases.begin(wanted)
        if resumed:
            phase.event("resumed")
        clock.now += seconds
        phase.progress(name, fraction)
    fractions = [fraction for _, fraction, _ in seen.reports]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert all(left is None or left >= 0 for _, _, left in seen.reports)
