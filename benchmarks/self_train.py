"""Digits of another script with 10 labels per class: `self-train` beside `fine-tune`.

    python -m benchmarks.self_train --data FOLDER [--scripts bangla_cmaterdb,...] [--seeds 3]

FOLDER holds NPZ files with x_train, y_train, x_test, y_test. The seed network is trained on
latin_mnist once. Both methods get the same 10 labelled images per class and no validation rows;
`self-train` gets the other training images too, at most 2,000 of them and without their labels.
Both train by strategy `lp-ft` and 500 steps a stage, as `benchmarks.digits` does, and are scored
on the untouched test rows. Nothing was chosen on these.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from app.artifacts.archive import unpack
from app.domain.models import ModelHints
from app.domain.transfers import SampleSize
from app.formats.catalog import detect_format
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples
from app.learn.data.splits import draw_sample
from app.learn.inference import predict
from app.learn.network import Network
from app.methods.contract import MethodInput, method_named, run_of
from benchmarks.digits import SCRIPTS
from benchmarks.intervals import mean_accuracy
from benchmarks.record import record
from examples.seed_digits import export_declared, train_seed

PER_CLASS, UNLABELLED = 10, 2000
PARAMETERS = {"strategy": "lp-ft", "max_steps": 500}
METHODS = ("fine-tune", "self-train")


def main() -> None:
    """Run both methods on every script and write `results/self_train.json`."""
    options = _options()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        seed_model = _seed_model(options.data / "latin_mnist.npz", Path(folder))
        scripts = [
            _script(seed_model, options.data / f"{name}.npz", options.seeds)
            for name in options.scripts
        ]
    body = {"per_class": PER_CLASS, "parameters": PARAMETERS, "scripts": scripts}
    record("self_train", {"seconds": round(time.monotonic() - started), **body})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scripts", type=lambda t: t.split(","), default=SCRIPTS)
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


def _seed_model(file: Path, folder: Path) -> Path:
    data = np.load(file)
    export_declared(train_seed(data["x_train"], data["y_train"], 28, 0), 28, folder / "seed.zip")
    unpacked = folder / "seed"
    unpack(folder / "seed.zip", unpacked, 2**30, 100)
    return unpacked


def _script(seed_model: Path, file: Path, seeds: int) -> dict[str, Any]:
    data = np.load(file)
    train, test = (_examples(data[f"x_{part}"], data[f"y_{part}"]) for part in ("train", "test"))
    correct: dict[str, list[np.ndarray]] = {name: [] for name in METHODS}
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    rounds = []
    for seed in range(seeds):
        labelled = draw_sample(train, SampleSize(per_class=PER_CLASS), seed)
        others = np.setdiff1d(np.arange(len(train)), labelled.rows - 1)
        chosen = np.random.default_rng(seed).permutation(others)[:UNLABELLED]
        for name in METHODS:
            began = time.monotonic()
            given = MethodInput(
                network=_load(seed_model),
                parameters=method_named(name).parameters.model_validate(PARAMETERS),
                train=labelled,
                unlabelled=train.take(chosen).inputs if name == "self-train" else None,
                seed=seed,
            )
            output = run_of(method_named(name))(given, NullMonitor())
            seconds[name].append(time.monotonic() - began)
            correct[name].append(predict(output.network, test.inputs).argmax(1) == test.targets)
            if output.report:
                rounds.append(output.report["chosen_round"])
        print(file.stem, seed, {n: float(c[-1].mean()) for n, c in correct.items()}, flush=True)
    return {
        "script": file.stem,
        "test_rows": len(test),
        "unlabelled": len(chosen),
        "chosen_rounds": rounds,
        "accuracy": {name: mean_accuracy(np.array(found)) for name, found in correct.items()},
        "difference": _difference(correct),
        "seconds": {name: round(float(np.mean(found)), 1) for name, found in seconds.items()},
    }


def _difference(correct: dict[str, list[np.ndarray]]) -> dict[str, float]:
    """`self-train` minus `fine-tune`, drawn over rows and seeds, both in pairs."""
    gain = np.array(correct["self-train"]).astype(float) - np.array(correct["fine-tune"])
    return mean_accuracy(gain)


def _examples(images: np.ndarray, labels: np.ndarray) -> Examples:
    shaped = images.reshape(len(images), 1, *images.shape[-2:]).astype(np.uint8)
    return Examples(shaped, labels.astype(np.int64), np.arange(1, len(labels) + 1))


def _load(folder: Path) -> Network:
    found = detect_format(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


if __name__ == "__main__":
    main()
