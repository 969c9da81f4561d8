"""Digits from Latin to other scripts, all over HTTP: transfer beside training from scratch.

    python -m benchmarks.digits --data FOLDER [--scripts bangla_cmaterdb,...] [--repeats 3]

FOLDER holds NPZ files with x_train, y_train, x_test, y_test. The seed network is trained on
latin_mnist once. For each script, with 10 images per class and with all, `fine-tune` runs with
strategies `lp-ft` and `full`, and with `scratch` for the same number of steps, and scores the
untouched test rows; every repeat draws another sample and another seed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from app.client import Client
from benchmarks.digit_uploads import LANGUAGES, upload_seed, upload_split
from benchmarks.record import record
from benchmarks.scratch_service import scratch_service

SCRIPTS = (
    "bangla_cmaterdb",
    "devanagari_cmaterdb",
    "telugu_cmaterdb",
    "kannada_mnist",
    "tibetan_mnist",
)
BUDGETS: dict[str, int | None] = {"10 per class": 10, "all": None}
STRATEGIES = ("lp-ft", "full", "scratch")
# `max_steps` bounds each stage. `lp-ft` has two stages (the head alone, then everything), the
# others have one and take as many steps in all.
STEPS = {
    "10 per class": {"lp-ft": 500, "full": 1000, "scratch": 1000},
    "all": {"lp-ft": 1000, "full": 2000, "scratch": 2000},
}


def main() -> None:
    """Run every transfer and write `results/digits.json`."""
    options = _options()
    started = time.monotonic()
    with scratch_service() as url, tempfile.TemporaryDirectory() as folder:
        client = Client(url)
        model = upload_seed(client, options.data / "latin_mnist.npz", Path(folder))
        latin = upload_split(client, options.data / "latin_mnist.npz", "test", Path(folder))
        rows = [
            _script(client, model, latin, options, script, Path(folder))
            for script in options.scripts
        ]
    body = {"repeats": options.repeats, "steps": STEPS, "scripts": rows}
    record("digits", {"seconds": round(time.monotonic() - started), **body})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scripts", type=lambda t: t.split(","), default=SCRIPTS)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def _script(
    client: Client, model: str, latin: str, options: argparse.Namespace, script: str, folder: Path
) -> dict[str, Any]:
    file = options.data / f"{script}.npz"
    datasets = {
        "train": upload_split(client, file, "train", folder),
        "test": upload_split(client, file, "test", folder),
        "source_test": latin,
    }
    cells = []
    for budget, per_class in BUDGETS.items():
        for strategy in STRATEGIES:
            spec = {
                "parameters": {"strategy": strategy, "max_steps": STEPS[budget][strategy]},
                "sample": {"per_class": per_class} if per_class else None,
                "repeats": options.repeats,
                "validation_fraction": 0.0,
            }
            cells.append(_transfer(client, model, LANGUAGES[script], datasets, spec))
            cells[-1] |= {"budget": budget, "strategy": strategy}
            print(script, budget, strategy, cells[-1]["spread"], flush=True)
    return {"script": script, "cells": cells}


def _transfer(
    client: Client, model: str, language: str, datasets: dict[str, str], spec: dict[str, Any]
) -> dict[str, Any]:
    started = time.monotonic()
    queued = client.transfers.start(model, language, datasets, "fine-tune", **spec)
    done = client.transfers.wait(queued["id"])
    if done["state"] != "succeeded":
        raise SystemExit(f"{queued['id']} {done['state']}: {done['failure']}")
    return {
        "seconds": round(time.monotonic() - started),
        "spread": done["result"]["spread"],
        "evaluations": {
            row["kind"]: row["metrics"]["accuracy"]
            for row in client.evaluations.of(queued["id"])["items"]
        },
    }


if __name__ == "__main__":
    main()
