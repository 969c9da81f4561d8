"""One database's part: the calm, the storm, and what is true afterwards."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from app.client import Client
from benchmarks.storm.calm import calm_run, idle_waits
from benchmarks.storm.checks import (
    Wrong,
    check_outcome,
    check_scores,
    check_traces,
    equal_models,
    orphans,
)
from benchmarks.storm.databases import fresh_database
from benchmarks.storm.material import specifications
from benchmarks.storm.place import Place, a_place
from benchmarks.storm.storm import Storm

Json = dict[str, Any]


def chapter(kind: str, transfers: int, idle: int, seed: int, seconds: float) -> Json:
    """The figures of one kind of database; `wrong` says by check what was not as it should be."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="babelport-storm-") as name:
        folder = Path(name)
        with fresh_database(kind, folder) as database, a_place(database, folder) as place:
            with Client(place.url) as client:
                figures, wrong = _weather(client, place, folder, transfers, idle, seed, seconds)
            place.supervisor.stop()
            wrong |= check_traces(place.history, place.data)
    figures["seconds"] = round(time.monotonic() - began)
    figures["wrong"] = wrong
    return figures


def _weather(
    client: Client,
    place: Place,
    folder: Path,
    transfers: int,
    idle: int,
    seed: int,
    seconds: float,
) -> tuple[Json, Wrong]:
    bodies = specifications(client, folder)
    calm = calm_run(client, bodies)
    waits = idle_waits(client, place.history, bodies["digits long"], idle, seed)
    print(f"  calm: {len(calm)} transfers; an idle worker starts one after {waits}", flush=True)
    place.supervisor.start("worker-2")
    before = set(place.history.states())
    storm = Storm(place, _orders(bodies, transfers, seed), seed, before)
    over = storm.rage(seconds)
    print(f"  storm: {storm.account()}", flush=True)
    wrong = {f"all was over within {seconds:.0f} s": [] if over else ["it was not"]}
    wrong |= {"no request of a client was refused": storm.account()["client_errors"]}
    wrong |= check_outcome(client, place.history, storm.started, before, transfers)
    scores, compared = check_scores(client, storm.started, calm)
    figures = {
        "idle": waits,
        "storm": storm.account(),
        "evaluations_compared": compared,
        "models_equal_to_the_byte": equal_models(client, storm.started, calm),
        "orphans_before_collection": len(orphans(place.history, place.data)),
        **_attempts(place, before),
    }
    place.collect()
    return figures, wrong | scores


def _orders(bodies: dict[str, Json], transfers: int, seed: int) -> list[tuple[str, Json]]:
    # Texts, which take twice as long, come half as often as images.
    names = [name for name in bodies for _ in range(2 if name.startswith("digits") else 1)]
    orders = [(name, bodies[name]) for name in (names * transfers)[:transfers]]
    random.Random(seed).shuffle(orders)
    return orders


def _attempts(place: Place, before: set[str]) -> Json:
    attempts = {id: n for id, n in place.history.attempts().items() if id not in before}
    resumed = [id for id in place.history.resumes() if id not in before]
    made, states = place.history.models_by_transfer(), place.history.states()
    return {
        "transfers": len(attempts),
        "succeeded_with_one_model": sum(
            states[id] == "succeeded" and made[id] == 1 for id in attempts
        ),
        "attempts": sum(attempts.values()),
        "most_attempts": max(attempts.values(), default=0),
        "resumes": len(resumed),
        "resumed_transfers": len(set(resumed)),
        "outcomes_of_attempts": place.history.outcomes(),
    }
