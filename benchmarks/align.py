"""Word translation after aligning, beside MUSE and VecMap, and how long each takes.

python -m benchmarks.align --data FOLDER --muse FOLDER --vecmap FOLDER

`--data` is described in `help_texts.py`; the other two are checkouts of facebookresearch/MUSE and
artetxem/vecmap. All run in this process, by turns, each on one thread (set OMP_NUM_THREADS and
OPENBLAS_NUM_THREADS to 1), and are measured in seconds of processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.learn.alignment.induction import induce
from app.learn.alignment.procrustes import orthogonal_map
from app.learn.alignment.rcsls import refine_rcsls
from app.learn.alignment.seeds import identical_words, similarity_distributions
from app.learn.alignment.self_learning import SelfLearning, self_learn
from app.learn.alignment.weighted_maps import weighted_maps
from benchmarks.align_references import Muse, VecMap
from benchmarks.align_task import LARGE, STEPS, Task, enlarged
from benchmarks.record import record

# The same for both; with VecMap's own (20,000 words, 50 rounds) it takes hours on two cores.
CUTOFF, PATIENCE = 5000, 5


def main() -> None:
    """Run both parts and record them."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--muse", type=Path, required=True)
    asked.add_argument("--vecmap", type=Path, required=True)
    asked.add_argument("--languages", nargs="+", default=["de", "fr"])
    asked.add_argument("--repeats", type=int, default=3)
    given = asked.parse_args()
    began = time.monotonic()
    torch.set_num_threads(1)
    body: dict[str, Any] = {"threads": 1, "speed": _speed(given), "languages": []}
    for language in given.languages:
        body["languages"].append(_quality(given, language))
        record("align", {"seconds": round(time.monotonic() - began), **body})


def _quality(given: argparse.Namespace, language: str) -> dict[str, Any]:
    task = Task(given.data, language)
    muse = Muse(given.muse, task.source, task.target, task.train)
    vecmap = VecMap(given.vecmap, task.source, task.target)
    options = ("--vocabulary_cutoff", str(CUTOFF), "--stochastic_interval", str(PATIENCE))
    runs: dict[str, Callable[[], tuple[Any, Any]]] = {
        "procrustes": lambda: _procrustes(task),
        "procrustes, MUSE": lambda: _muse(muse),
        "re-weighted": lambda: _weighted(task, task.positions()),
        "re-weighted, VecMap": lambda: vecmap.map("--supervised", train=task.train),
        "rcsls": lambda: _rcsls(task),
        "identical words": lambda: _self_learnt(task, unsupervised=False),
        "identical words, VecMap": lambda: vecmap.map("--identical", *options),
        "nothing": lambda: _self_learnt(task, unsupervised=True),
        "nothing, VecMap": lambda: vecmap.map("--unsupervised", *options),
    }
    told: dict[str, Any] = {}
    for name, run in runs.items():
        began = time.process_time()
        mapped = run()
        seconds = time.process_time() - began
        told[name] = {"seconds": round(seconds, 2), **task.score(*mapped)}
        if name == "procrustes, MUSE":
            told[name]["own_p_at_1"] = muse.evaluate(task.test)
        elif name == "re-weighted, VecMap":
            told[name]["own_p_at_1"] = vecmap.evaluate(mapped, task.test)
        print(language, name, told[name]["p_at_1"]["value"], f"{seconds:.1f} s", flush=True)
    sizes = {"source": len(task.source.words), "target": len(task.target.words)}
    pairs = {"train": len(task.train), "test": len(task.test)}
    return {"language": language, "words": sizes, "pairs": pairs, "methods": told}


def _procrustes(task: Task) -> tuple[Tensor, Tensor]:
    (x, z), (first, second) = task.normal(), task.positions()
    return x @ orthogonal_map(x[first], z[second]), z


def _weighted(task: Task, pairs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    x, z = task.normal()
    maps = weighted_maps(x[pairs[0]], z[pairs[1]])
    return x @ maps.source, z @ maps.target


def _rcsls(task: Task) -> tuple[Tensor, Tensor]:
    (x, z), pairs = task.normal(), task.positions()
    start = orthogonal_map(x[pairs[0]], z[pairs[1]])
    return x @ refine_rcsls(x, z, pairs, start).map, z


def _self_learnt(task: Task, unsupervised: bool) -> tuple[Tensor, Tensor]:
    x, z = task.normal()
    seed = identical_words(task.source.words, task.target.words)
    if unsupervised:
        seed = similarity_distributions(x, z, STEPS)
    how = SelfLearning(vocabulary=CUTOFF, patience=PATIENCE)
    return _weighted(task, self_learn(x, z, seed, how).dictionary)


def _muse(muse: Muse) -> tuple[Tensor, Tensor]:
    muse.fit()
    return muse.mapped()


def _speed(given: argparse.Namespace) -> dict[str, Any]:
    """The same procedures by turns, on 50,000 words of 300 numbers for each language."""
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
            lambda: task.score(*_procrustes(task)),
            muse_evaluated,
        ),
        "re-weighted map and CSLS evaluation, VecMap": (
            lambda: task.score(*_weighted(task, task.positions())),
            vecmap_evaluated,
        ),
        "a round of self-learning on 50,000 words, MUSE": (
            lambda: _round(task, LARGE, weighted=False),
            muse.round_of_self_learning,
        ),
        "a round of self-learning on 20,000 words and the last map, VecMap": (
            lambda: _round(task, 20_000, weighted=True),
            lambda: vecmap.map(*cut, "--semi_supervised", train=task.train),
        ),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in races}
    for _ in range(given.repeats):
        for name, (ours, theirs) in races.items():
            seconds[name].append((_timed(ours), _timed(theirs)))
            print(name, seconds[name][-1], flush=True)
    return {name: _ratios(times) for name, times in seconds.items()}


def _round(task: Task, vocabulary: int, weighted: bool) -> None:
    (x, z), (first, second) = task.normal(), task.positions()
    rotation = orthogonal_map(x[first], z[second])
    pairs = induce(x[:vocabulary] @ rotation, z[:vocabulary]).pairs
    if weighted:
        maps = weighted_maps(x[pairs[0]], z[pairs[1]])
        _ = x @ maps.source, z @ maps.target
    else:
        orthogonal_map(x[pairs[0]], z[pairs[1]])


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
