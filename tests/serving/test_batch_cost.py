"""What batches are believed to cost."""

from __future__ import annotations

import pytest

from app.serving.batch_cost import BatchCost, cost_of


def test_two_batches_divide_the_cost_into_start_and_tokens() -> None:
    cost = cost_of((16, 0.02 + 0.0003 * 16), (128, 0.02 + 0.0003 * 128))

    assert cost.start == pytest.approx(0.02)
    assert cost.per_token == pytest.approx(0.0003)
    assert cost.seconds(100) == pytest.approx(0.05)


@pytest.mark.parametrize("larger", [0.01, 0.02, 10.0])
def test_a_disturbed_measure_never_gives_a_negative_cost(larger: float) -> None:
    cost = cost_of((16, 0.02), (128, larger))

    assert cost.start > 0
    assert cost.per_token > 0
    assert cost.seconds(16) == pytest.approx(0.02, rel=0.01)


def test_a_slower_machine_is_noticed_but_start_and_tokens_keep_their_shares() -> None:
    cost = BatchCost(start=0.003, per_token=0.0001)
    for tokens in [1000, 1020] * 500:
        # Long texts cost more than the line says, so that no line fits all.
        cost.learn(tokens, 2 * (0.003 + 0.0001 * tokens) + (0.03 if tokens == 1000 else 0.0))

    assert (cost.start, cost.per_token) == (0.003, 0.0001)
    assert cost.seconds(1000) == pytest.approx(0.22, rel=0.1)
