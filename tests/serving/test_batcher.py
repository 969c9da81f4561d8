"""Which waiting inputs are computed next, and what batches are expected to cost."""

from __future__ import annotations

import numpy as np
import pytest

from app.runtimes.contract import Prepared
from app.serving.batcher import BatchCost, Batcher, QueuedInput, cost_from_batches

_AGE = 0.1


@pytest.fixture
def cost() -> BatchCost:
    return BatchCost(start=0.005, per_token=0.0001)


def test_inputs_of_like_length_share_a_batch_and_come_in_order_of_length(cost):
    batcher = _batcher(cost, most_tokens=120)
    batcher.add([_waiting(tokens) for tokens in (10, 100, 12, 101, 11, 9)])

    batches = [_costs(batcher.take(0.0)) for _ in range(3)]

    assert sorted(batches) == [[9, 10, 11, 12], [100], [101]]
    assert len(batcher) == 0


def test_a_batch_has_no_more_padded_tokens_than_the_budget(cost):
    rng = np.random.default_rng(0)
    batcher = _batcher(cost, most_tokens=256)
    batcher.add([_waiting(int(tokens)) for tokens in rng.integers(1, 200, 90)])

    taken = 0
    while batch := batcher.take(0.0):
        assert len(batch) * max(_costs(batch)) <= 256
        taken += len(batch)

    assert taken == 90


def test_an_input_above_the_budget_goes_alone(cost):
    batcher = _batcher(cost, most_tokens=64)
    batcher.add([_waiting(500), _waiting(500)])

    assert _costs(batcher.take(0.0)) == [500]
    assert _costs(batcher.take(0.0)) == [500]


def test_what_has_waited_long_enough_is_in_the_next_batch_whatever_its_length(cost):
    batcher = _batcher(cost, most_tokens=128)
    old = _waiting(128, arrived=0.0)
    batcher.add([old, *(_waiting(8, arrived=0.05) for _ in range(60))])

    young = batcher.take(0.05)
    due = batcher.take(_AGE)

    assert old not in young
    assert old in due


def test_a_long_text_does_not_starve_while_short_ones_keep_coming(cost):
    batcher = _batcher(cost, most_tokens=512)
    long = _waiting(500, arrived=0.0)
    batcher.add([long])
    now = 0.0
    for _ in range(100):
        batcher.add([_waiting(8, arrived=now) for _ in range(64)])
        if long in batcher.take(now):
            break
        now += 0.01

    assert now <= _AGE + 0.02


def test_one_input_is_taken_at_once(cost):
    batcher = _batcher(cost)
    batcher.add([_waiting(20)])

    assert len(batcher.take(0.0)) == 1
    assert batcher.take(0.0) == []
    assert batcher.oldest is None


def test_short_inputs_pad_to_a_longer_one_only_where_that_is_quicker():
    dear_start = _batcher(BatchCost(start=0.1, per_token=0.0001))
    dear_tokens = _batcher(BatchCost(start=0.0001, per_token=0.001))
    for batcher in (dear_start, dear_tokens):
        batcher.add([_waiting(10), _waiting(60)])

    assert len(dear_start.take(0.0)) == 2
    assert len(dear_tokens.take(0.0)) == 1


def test_dropping_takes_out_what_is_useless_and_keeps_the_order(cost):
    batcher = _batcher(cost)
    inputs = [_waiting(tokens) for tokens in (5, 6, 7)]
    batcher.add(inputs)

    assert batcher.drop(lambda one: one is inputs[1]) == [inputs[1]]
    assert batcher.tokens == 12
    assert batcher.take(0.0) == [inputs[0], inputs[2]]


def test_two_batches_divide_the_cost_into_start_and_tokens() -> None:
    cost = cost_from_batches((16, 0.02 + 0.0003 * 16), (128, 0.02 + 0.0003 * 128))

    assert cost.start == pytest.approx(0.02)
    assert cost.per_token == pytest.approx(0.0003)
    assert cost.seconds(100) == pytest.approx(0.05)


@pytest.mark.parametrize("larger", [0.01, 0.02, 10.0])
def test_a_disturbed_measure_never_gives_a_negative_cost(larger: float) -> None:
    cost = cost_from_batches((16, 0.02), (128, larger))

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


def _batcher(cost: BatchCost, most_tokens: int = 1024) -> Batcher:
    return Batcher(cost, most_tokens, _AGE)


def _waiting(tokens: int, arrived: float = 0.0) -> QueuedInput:
    return QueuedInput(Prepared(tokens, None), request=0, place=0, arrived=arrived)


def _costs(batch: list[QueuedInput]) -> list[int]:
    return [one.prepared.cost for one in batch]
