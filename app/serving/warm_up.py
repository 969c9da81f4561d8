"""The first batches of a model that was just loaded, so that no request pays for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.domain.enums import Task
from app.domain.models import ImageInput, ModelFacts
from app.runtimes.contract import Runtime
from app.serving.batch_cost import BatchCost

_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")


def warm_up(runtime: Runtime, facts: ModelFacts, threads: Sequence[int]) -> BatchCost:
    """Compute a small and a larger batch, twice, on each number of `threads`.

    Gives what they cost on the first number, to begin with.
    """
    cost = BatchCost()
    for times, inputs in enumerate([_inputs(facts, 1), _inputs(facts, 8)] * 2):
        batch = runtime.prepare(inputs)
        for number in threads:
            began = time.monotonic()
            runtime.run(batch, number)
            if times >= 2 and number == threads[0]:  # the first time also allocates and plans
                padded = len(batch) * max(one.cost for one in batch)
                cost.learn(padded, time.monotonic() - began)
    return cost


def _inputs(facts: ModelFacts, count: int) -> list[Any]:
    if isinstance(facts.input, ImageInput):
        wanted = facts.input
        return [np.zeros((wanted.channels, wanted.height, wanted.width), np.uint8)] * count
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [_WORDS] * count
    return [" ".join(_WORDS)] * count
