"""Word translation after aligning, beside MUSE and VecMap, and how long each takes.

python -m benchmarks.align --data FOLDER --muse FOLDER --vecmap FOLDER

`--data` is described in `help_texts.py`; the other two are checkouts of facebookresearch/MUSE and
artetxem/vecmap. All run in this process, by turns, each on one thread (set OMP_NUM_THREADS and
OPENBLAS_NUM_THREADS to 1), and are measured in seconds of processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import align_methods as methods
from benchmarks.align_references import Muse, VecMap
from benchmarks.align_task import LARGE, Task, enlarged
from benchmarks.record import record

PARTS = ("supervised", "speed", "self-learning")
Mapped = tuple[Any, Any]
Way = tuple[Callable[[], Mapped], Callable[[Mapped], float] | None]


def main() -> None:
    """Run both parts and record them."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--muse", type=Path, required=True)
    asked.add_argument("--vecmap", type=Path, required=True)
    asked.add_argument("--languages", nargs="+", default=["de", "fr"])
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    given = asked.parse_args()
    began = time.monotonic()
    torch.set_num_threads(1)
    body: dict[str, Any] = {"threads": 1, "languages": [], "speed": {}}

    def keep() -> None:
        record("align", {"seconds": round(time.monotonic() - began), **body})

    tasks = {language: Task(given.data, language) for language in given.languages}
    for language, task in tasks.items():
        body["languages"].append(_account(task, language))
        if "supervised" in given.parts:
            _score(task, body["languages"][-1], _supervised(given, task))
            keep()
    for speed in _speed(given) if "speed" in given.parts else ():
        body["speed"] = speed
        keep()
    for language, account in zip(tasks, body["languages"], strict=True):
        # Last, since it takes longest.
        if "self-learning" in given.parts:
            _score(tasks[language], account, _self_learning(given, tasks[language]))
            keep()


def _account(task: Task, language: str) -> dict[str, Any]:
    return {
        "language": language,
        "words": {"source": len(task.source.words), "target": len(task.target.words)},
        "pairs": {"train": len(task.train), "test": len(task.test)},
        "methods": {},
    }


def _score(task: Task, account: dict[str, Any], ways: dict[str, Way]) -> None:
    """Add each way's precision to the account; a reference's own figure beside it."""
    for name, (align, own) in ways.items():
        began = time.process_time()
        mapped = align()
        seconds = time.process_time() - began
        told = {"seconds": round(seconds, 2), **task.score(*mapped)}
        if own is not None:
            told["own_p_at_1"] = own(mapped)
        account["methods"][name] = told
        print(account["language"], name, told["p_at_1"], f"{seconds:.1f} s", flush=True)


def _supervised(given: argparse.Namespace, task: Task) -> dict[str, Way]:
    muse = Muse(given.muse, task.source, task.target, task.train)
    vecmap = VecMap(given.vecmap, task.source, task.target)
    return {
        "procrustes": (lambda: methods.procrustes(task), None),
        "procrustes, MUSE": (lambda: _muse(muse), lambda _: muse.evaluate(task.test)),
        "align": (lambda: methods.method(task), None),
        "re-weighted": (lambda: methods.weighted(task, task.positions()), None),
        "re-weighted, VecMap": (
            lambda: vecmap.map("--supervised", train=task.train),
            lambda mapped: vecmap.evaluate(mapped, task.test),
        ),
        "rcsls": (lambda: methods.rcsls(task), None),
    }


def _self_learning(given: argparse.Namespace, task: Task) -> dict[str, Way]:
    vecmap = VecMap(given.vecmap, task.source, task.target)
    cutoff, patience = str(methods.CUTOFF), str(methods.PATIENCE)
    options = ("--vocabulary_cutoff", cutoff, "--stochastic_interval", patience)
    return {
        "identical words": (lambda: methods.self_learnt(task, unsupervised=False), None),
        "identical words, VecMap": (lambda: vecmap.map("--identical", *options), None),
        "nothing": (lambda: methods.self_learnt(task, unsupervised=True), None),
        "nothing, VecMap": (lambda: vecmap.map("--unsupervised", *options), None),
    }


def _muse(muse: Muse) -> tuple[Tensor, Tensor]:
    muse.fit()
    return muse.mapped()


def _speed(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The same procedures by turns, on 50,000 words of 300 numbers for each language.

    Gives the account after each turn, so that an interrupted run is of use.
    """
    task = Task(given.data, "de")
    task.source, task.target = enlarged(task.source, 1), enlarged(task.target, 2)
    muse = Muse(given.muse, task.source, task.target, task.train)
    vecmap = VecMap(given.vecmap, task.source, task.target)
    cut = ("--stochastic_initial", "1", "--stochastic_interval", "1", "--threshold", "1e9")

    def muse_evaluated() -> None:
        muse.fit()
        muse.evaluate(task.test)

    def vecmap_evaluated() -> None:
        vecmap.evaluate(vecmap.map("--supervised", train=task.train), task.test)

    # A threshold out of reach makes VecMap stop after one round, and map with re-weighting.
    races: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "Procrustes and CSLS evaluation, MUSE": (
            lambda: task.score(*methods.procrustes(task)),
            muse_evaluated,
        ),
        "re-weighted map and CSLS evaluation, VecMap": (
            lambda: task.score(*methods.weighted(task, task.positions())),
            vecmap_evaluated,
        ),
        "a round of self-learning on 50,000 words, MUSE": (
            lambda: methods.round(task, LARGE, weighted=False),
            muse.round_of_self_learning,
        ),
        "a round of self-learning on 20,000 words and the last map, VecMap": (
            lambda: methods.round(task, 20_000, weighted=True),
            lambda: vecmap.map(*cut, "--semi_supervised", train=task.train),
        ),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in races}
    for _ in range(given.repeats):
        for name, (ours, theirs) in races.items():
            seconds[name].append((_timed(ours), _timed(theirs)))
            print(name, seconds[name][-1], flush=True)
            yield {name: _ratios(times) for name, times in seconds.items() if times}


def _timed(run: Callable[[], object]) -> float:
    """Seconds of processor time, which other work on the machine does not lengthen."""
    began = time.process_time()
    run()
    return time.process_time() - began


def _ratios(times: list[tuple[float, float]]) -> dict[str, Any]:
    ratios = [theirs / ours for ours, theirs in times]
    return {
        "ours": [round(ours, 2) for ours, _ in times],
        "theirs": [round(theirs, 2) for _, theirs in times],
        "ratio": {
            "value": float(np.median(ratios)),
            "low": min(ratios),
            "high": max(ratios),
        },
    }


if __name__ == "__main__":
    main()
