"""What must be true after the storm: each check answers with what is wrong, if anything."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from app.artifacts.disk import DiskArtifacts
from app.client import Client
from benchmarks.storm.answers import every, scores_of
from benchmarks.storm.history import History
from benchmarks.storm.processes import processes_of

Wrong = dict[str, list[str]]
EQUAL_SCORES = "every metric of every evaluation equals the calm run's"
NO_ORPHANS = "no artifact is an orphan after collection"


def check_outcome(
    client: Client, history: History, started: dict[str, str], before: set[str], wanted: int
) -> Wrong:
    """Every order is one succeeded transfer with one model; `before` existed before the storm."""
    states = {id: state for id, state in history.states().items() if id not in before}
    in_table, over_http = history.models_by_transfer(), _models_over_http(client)
    listed = {t["id"]: t for t in every(client.transfers.list) if t["id"] not in before}
    return {
        f"{wanted} transfers were made, and the clients know each": [
            *_difference(set(states), set(started), "in the table, but no client knows it"),
            *_difference(set(started), set(states), "not in the table"),
            *([] if len(states) == wanted else [f"{len(states)} instead of {wanted}"]),
        ],
        "every transfer succeeded": [
            f"{id}: {state}" for id, state in states.items() if state != "succeeded"
        ],
        "each has exactly one model in the table": _not_one(in_table, states),
        "each has exactly one model over HTTP": [
            *_not_one(over_http, states),
            *(id for id in states if (listed.get(id) or {}).get("model_id") is None),
        ],
        "no lease is held and no row is unfinished": history.held() + history.unfinished_attempts(),
    }


def check_scores(
    client: Client, started: dict[str, str], calm: dict[str, dict[str, Any]]
) -> tuple[Wrong, int]:
    """Every metric of every evaluation equals the calm run's, exactly; and how many there are."""
    wrong, compared = [], 0
    for id, name in started.items():
        found, wanted = scores_of(client, id), calm[name]["scores"]
        for kind in found.keys() | wanted.keys():
            compared += 1
            if found.get(kind) != wanted.get(kind):
                wrong.append(f"{id} ({name}), {kind}")
    return {EQUAL_SCORES: wrong}, compared


def equal_models(client: Client, started: dict[str, str], calm: dict[str, dict[str, Any]]) -> int:
    """How many transfers made the calm run's model to the byte."""
    digests = {m["transfer_id"]: m["sha256"] for m in every(client.models.list)}
    return sum(digests.get(id) == calm[name]["sha256"] for id, name in started.items())


def orphans(history: History, data: Path) -> list[str]:
    """Artifacts that no row needs."""
    needed = history.needed_digests()
    return [
        stored.digest
        for stored in DiskArtifacts(data / "artifacts").stored()
        if stored.digest not in needed
    ]


def check_traces(history: History, data: Path) -> Wrong:
    """What is left on the machine, once the service has stopped."""
    artifacts = DiskArtifacts(data / "artifacts")
    missing = [d for d in history.needed_digests() if not artifacts.exists(d)]
    folders = [artifacts.temporary, data / "checkpoints"]
    return {
        NO_ORPHANS: orphans(history, data),
        "no artifact is missing": missing,
        "no process is left": [f"{p.id}: {p.command}" for p in processes_of(data)],
        "no temporary folder is left": [
            str(path) for folder in folders if folder.exists() for path in folder.iterdir()
        ],
    }


def _models_over_http(client: Client) -> Counter[str]:
    return Counter(m["transfer_id"] for m in every(client.models.list) if m["transfer_id"])


def _not_one(found: Counter[str], states: dict[str, str]) -> list[str]:
    return [f"{id}: {found[id]}" for id in states if found[id] != 1]


def _difference(some: set[str], others: set[str], words: str) -> list[str]:
    return [f"{id}: {words}" for id in sorted(some - others)]
