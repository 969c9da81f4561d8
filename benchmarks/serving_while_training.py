"""Does the API stay responsive? Predictions in a row while a transfer trains.

    python -m benchmarks.serving_while_training --data FOLDER [--predictions 1000]

FOLDER holds latin_mnist.npz and bangla_cmaterdb.npz. A transfer trains on all processors; beside
it one client sends predictions one after the other, the first of which loads the model, and
another asks for the health every 20 ms all the while. Figures are milliseconds as a client on the
same machine sees them.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from app.client import Client
from benchmarks.digit_uploads import upload_seed, upload_split
from benchmarks.record import record
from benchmarks.scratch_service import scratch_service


def main() -> None:
    """Load a model, start a transfer, predict beside it and write down what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--predictions", type=int, default=1000)
    options = parser.parse_args()
    started = time.monotonic()
    with scratch_service() as url, tempfile.TemporaryDirectory() as folder:
        client = Client(url)
        model = upload_seed(client, options.data / "latin_mnist.npz", Path(folder))
        image = np.load(options.data / "latin_mnist.npz")["x_test"][0].tolist()
        transfer = _train(client, model, options.data / "bangla_cmaterdb.npz", Path(folder))
        (first, *predictions), health, lost = _measure(url, model, image, options.predictions + 1)
        state = client.transfers.get(transfer)["state"]
        client.transfers.cancel(transfer)
        client.transfers.wait(transfer)
    figures = {
        "seconds": round(time.monotonic() - started),
        "first_prediction_ms": round(first, 1),
        "predictions": options.predictions,
        "lost": lost,
        "transfer_state_at_the_end": state,
        "prediction_ms": _quantiles(predictions),
        "health_ms": _quantiles(health),
        "health_checks": len(health),
    }
    print(figures)
    record("serving_while_training", figures)


def _train(client: Client, model: str, file: Path, folder: Path) -> str:
    """A transfer that is training (it has reported a step) and has minutes to go."""
    datasets = {part: upload_split(client, file, part, folder) for part in ("train", "test")}
    parameters = {"strategy": "full", "max_steps": 200_000}
    transfer = client.transfers.start(
        model, "bn", datasets, "fine-tune", parameters=parameters, validation_fraction=0.0
    )
    for event in client.transfers.events(transfer["id"]):
        if "training" in str(event["data"].get("phase", "")):
            break
    return str(transfer["id"])


def _measure(
    url: str, model: str, image: list[Any], count: int
) -> tuple[list[float], list[float], int]:
    """Milliseconds of each prediction and each health check, and how many predictions failed."""
    over = threading.Event()
    health: list[float] = []
    watcher = threading.Thread(target=_watch, args=(url, over, health))
    watcher.start()
    predictions, lost = [], 0
    client = Client(url)
    for _ in range(count):
        try:
            predictions.append(_milliseconds(lambda: client.predict(model, [image])))
        except Exception as problem:
            lost += 1
            print("lost:", problem)
    over.set()
    watcher.join()
    return predictions, health, lost


def _watch(url: str, over: threading.Event, health: list[float]) -> None:
    client = Client(url)
    while not over.wait(0.02):
        health.append(_milliseconds(client.health))


def _milliseconds(call: Any) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _quantiles(values: list[float]) -> dict[str, float]:
    median, p99 = np.quantile(values, [0.5, 0.99])
    return {
        "median": round(float(median), 1),
        "p99": round(float(p99), 1),
        "max": round(max(values), 1),
    }


if __name__ == "__main__":
    main()
