"""Ten digit images per class, with what a request that says nothing gets, beside what it may say.

    python -m benchmarks.digits_default --data FOLDER [--scripts bangla_cmaterdb,...] [--seed 0]

FOLDER is that of `benchmarks.digits`. Over HTTP, `fine-tune` by default (`lp-ft`, every step) runs
on 10 images per class of each script: with `validation_fraction` left out, as 0, and as 0.15. Each
finished transfer is written at once; the untouched test rows are scored, and chose nothing.
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

SCRIPTS = ("bangla_cmaterdb", "devanagari_cmaterdb", "telugu_cmaterdb", "kannada_mnist")
FRACTIONS: dict[str, float | None] = {"left out": None, "0": 0.0, "0.15": 0.15}


def main() -> None:
    """Run every transfer and write `results/digits_default.json`."""
    options = _options()
    started = time.monotonic()
    cells: list[dict[str, Any]] = []
    with scratch_service() as url, tempfile.TemporaryDirectory() as folder:
        client = Client(url)
        model = upload_seed(client, options.data / "latin_mnist.npz", Path(folder))
        uploaded = {
            script: {
                part: upload_split(client, options.data / f"{script}.npz", part, Path(folder))
                for part in ("train", "test")
            }
            for script in options.scripts
        }
        for name, fraction in FRACTIONS.items():
            for script, datasets in uploaded.items():
                found = _transfer(client, model, script, datasets, fraction, options.seed)
                cells.append({"script": script, "validation_fraction": name, **found})
                print(cells[-1], flush=True)
                seconds = round(time.monotonic() - started)
                record("digits_default", {"seconds": seconds, "seed": options.seed, "cells": cells})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scripts", type=lambda t: t.split(","), default=SCRIPTS)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _transfer(
    client: Client,
    model: str,
    script: str,
    datasets: dict[str, str],
    fraction: float | None,
    seed: int,
) -> dict[str, Any]:
    queued = client.transfers.start(
        *(model, LANGUAGES[script], datasets, "fine-tune"),
        sample={"per_class": 10},
        seed=seed,
        validation_fraction=fraction,
    )
    done = client.transfers.wait(queued["id"])
    if done["state"] != "succeeded":
        raise SystemExit(f"{queued['id']} {done['state']}: {done['failure']}")
    scores = {row["kind"]: row for row in client.evaluations.of(queued["id"])["items"]}
    return {
        "accuracy": scores["transferred"]["metrics"]["accuracy"],
        "rows": done["result"]["rows"],
        "validation": done["result"]["validation"],
        "stopped": done["result"]["stopped"],
    }


if __name__ == "__main__":
    main()
