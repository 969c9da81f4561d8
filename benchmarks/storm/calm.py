"""The quiet before the storm: every distinct transfer once, and the wait for an idle worker."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np

from app.client import Client
from benchmarks.storm.answers import scores_of
from benchmarks.storm.history import History

_WITHIN = 60.0


def calm_run(client: Client, bodies: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Scores of every body by name, with the digest of the model that came of it."""
    started = {name: client.transfers.start(**body)["id"] for name, body in bodies.items()}
    found = {}
    for name, id in started.items():
        ended = client.transfers.wait(id)
        if ended["state"] != "succeeded":
            raise SystemExit(f"{name} did not succeed in the calm: {ended['failure']}")
        model = client.models.get(ended["model_id"])
        found[name] = {"scores": scores_of(client, id), "sha256": model["sha256"]}
    return found


def idle_waits(
    client: Client, history: History, body: dict[str, Any], count: int, seed: int
) -> dict[str, Any]:
    """Milliseconds from a transfer's creation to its start, when one worker has nothing to do.

    Each transfer is sent alone, at a random moment after the one before has ended, and cancelled
    once it runs.
    """
    draw, sent = random.Random(seed), set()
    for _ in range(count):
        time.sleep(draw.uniform(0.3, 0.8))
        id = client.transfers.start(**body)["id"]
        sent.add(id)
        _await(client, id, {"running"})
        client.transfers.cancel(id)
        _await(client, id, {"cancelled", "succeeded"})
    waits = np.array(history.waits(sent)) * 1000
    if len(waits) != count:
        raise SystemExit(f"{len(waits)} of {count} transfers were started by the idle worker")
    p50, p95 = np.percentile(waits, [50, 95])
    return {
        "transfers": count,
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "max_ms": round(float(waits.max()), 1),
    }


def _await(client: Client, id: str, states: set[str]) -> None:
    deadline = time.monotonic() + _WITHIN
    while client.transfers.get(id)["state"] not in states:
        if time.monotonic() > deadline:
            raise SystemExit(f"{id} was not {' or '.join(sorted(states))} within {_WITHIN} s")
        time.sleep(0.05)
