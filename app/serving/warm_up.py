"""The first batches of a model that was just loaded, so that no request pays for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.domain.enums import Task
from app.domain.models import ImageInput, ModelFacts
from app.runtimes.contract import Prepared, Runtime
from app.serving.batch_cost import BatchCost, cost_of

_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight") * 2
_MANY = 8
_TIMES = 4


def warm_up(runtime: Runtime, facts: ModelFacts, threads: Sequence[int]) -> BatchCost:
    """Compute a small and a larger batch, a few times, on each number of `threads`.

    Gives what they cost on the first number, by the quickest of each.
    """
    batches = [runtime.prepare(_inputs(facts, count)) for count in (1, _MANY)]
    for number in threads[1:]:
        for batch in batches:
            runtime.run(batch, number)
    # In turns, so that what else the machine does slows both.
    seconds = [[_seconds(runtime, batch, threads[0]) for batch in batches] for _ in range(_TIMES)]
    small, large = (
        (len(batch) * max(one.cost for one in batch), min(times))
        for batch, times in zip(batches, zip(*seconds, strict=True), strict=True)
    )
    return cost_of(small, large)


def _seconds(runtime: Runtime, batch: Sequence[Prepared], threads: int) -> float:
    began = time.monotonic()
    runtime.run(batch, threads)
    return time.monotonic() - began


def _inputs(facts: ModelFacts, count: int) -> list[Any]:
    if isinstance(facts.input, ImageInput):
        wanted = facts.input
        return [np.zeros((wanted.channels, wanted.height, wanted.width), np.uint8)] * count
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [_WORDS] * count
    return [" ".join(_WORDS)] * count
