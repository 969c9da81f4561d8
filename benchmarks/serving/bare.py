"""The engine alone, fed with ideal batches: what no server around it can exceed.

    python -m benchmarks.serving.bare MODEL TEXTS

Reads MODEL from the service that the environment names, and TEXTS, one a line. All of them are
tokenised beforehand and sorted by length. The first line on standard output tells the best size of
batch and number of workers; then each line on standard input, a number of seconds, is answered by
what was computed in that time.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

from app.runtimes.contract import Prepared, Runtime
from app.runtimes.open_runtime import open_runtime
from app.services.context import open_context
from app.services.models import find_model, servable_of
from app.settings import settings

Batches = list[list[Prepared]]
_BUDGETS = (256, 512, 1024, 2048)  # tokens of a batch, with padding
_TRIAL_SECONDS = 2.0


def main() -> None:
    """Find the best way to compute, then answer orders until the input ends."""
    runtime = _open(sys.argv[1])
    texts = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
    prepared = sorted(runtime.prepare(texts), key=lambda one: one.cost)
    cores = len(os.sched_getaffinity(0))
    ways = [(budget, workers) for budget in _BUDGETS for workers in {1, cores}]
    rates = {way: _rate(runtime, prepared, *way, _TRIAL_SECONDS)["rate"] for way in ways}
    best = max(rates, key=rates.__getitem__)
    told = {"batch_tokens": best[0], "workers": best[1], "engine": runtime.engine}
    print(json.dumps(told | {"precision": runtime.precision}), flush=True)
    for line in sys.stdin:
        print(json.dumps(_rate(runtime, prepared, *best, float(line))), flush=True)


def batches_of(prepared: Sequence[Prepared], tokens: int) -> Batches:
    """Neighbours in order of length, at most `tokens` to a batch as padded to its longest."""
    batches: Batches = [[]]
    for one in prepared:
        if batches[-1] and one.cost * (len(batches[-1]) + 1) > tokens:
            batches.append([])
        batches[-1].append(one)
    return batches


def _open(reference: str) -> Runtime:
    context = open_context(settings())
    with context.readers() as session:
        servable = servable_of(session, find_model(session, reference))
    return open_runtime(context.settings, context.artifacts, servable)


def _rate(
    runtime: Runtime, prepared: Sequence[Prepared], tokens: int, workers: int, seconds: float
) -> dict[str, float]:
    """Texts per second, and processor milliseconds for each."""
    batches = batches_of(prepared, tokens)
    # In any order, so that however far it comes it has seen short and long ones alike.
    random.Random(0).shuffle(batches)
    shares = [cycle(batches[worker::workers]) for worker in range(workers)]
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    before, started = _cpu(), time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        counts = pool.map(
            lambda share: _compute(runtime, share, threads, started + seconds), shares
        )
        texts = sum(counts)
    took = time.perf_counter() - started
    return {"rate": texts / took, "cpu_ms": 1000 * (_cpu() - before) / max(1, texts)}


def _compute(runtime: Runtime, batches: Iterator[list[Prepared]], threads: int, end: float) -> int:
    computed = 0
    while time.perf_counter() < end:
        batch = next(batches)
        runtime.run(batch, threads)
        computed += len(batch)
    return computed


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
