"""How `joint` mixes its two languages."""

from __future__ import annotations

import pytest

from app.learn.data.batch_sampler import temperature_shares
from app.methods.joint.spec import JointParameters


def test_the_temperature_lies_between_every_row_alike_and_every_language_alike() -> None:
    sizes = [32, 704]
    assert temperature_shares(sizes, 1) == pytest.approx([32 / 736, 704 / 736])
    assert temperature_shares(sizes, 1e6) == pytest.approx([0.5, 0.5], abs=1e-4)
    small = [temperature_shares(sizes, t)[0] for t in (1, 1.5, 3, 10)]
    assert small == sorted(small)
    assert sum(temperature_shares([5, 50, 500], 2.0)) == pytest.approx(1)


def test_a_chosen_share_goes_before_the_temperature() -> None:
    assert JointParameters(target_share=0.3).share_of_target(10, 1000) == 0.3
    assert JointParameters(temperature=1).share_of_target(10, 90) == pytest.approx(0.1)
