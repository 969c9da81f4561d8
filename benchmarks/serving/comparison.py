"""The whole measurement: everything that `results/serving.json` holds."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from app.client import Client
from benchmarks.serving.alternation import Turn, alternate, medians, of_server
from benchmarks.serving.answers import answers_of, compared, reference_answers
from benchmarks.serving.bare_engine import bare_engine
from benchmarks.serving.dialects import MODEL
from benchmarks.serving.grid import best_of, told, try_grid
from benchmarks.serving.line_up import Stage, running
from benchmarks.serving.ours import DEFAULT, VARIANTS
from benchmarks.serving.overload import overload
from benchmarks.serving.paired import paired_ratio
from benchmarks.serving.peers.configurations import USUAL
from benchmarks.serving.server import Server
from benchmarks.serving.swap import swap

_COMPARED_TEXTS = 200
_BARE_AT = 64
_OVERLOAD_PAIRS = 2


@dataclass(frozen=True)
class Lengths:
    """How long everything takes, in seconds; the plan of the time is in `__main__`."""

    levels: Sequence[int] = (16, 64, 1)
    seconds: float = 20
    alternations: int = 5
    trial: float = 2
    swap: float = 20
    overload: float = 10


def compare(stage: Stage, lengths: Lengths) -> dict[str, Any]:
    """Measure everything; the machine should do nothing else meanwhile."""
    print("the peers' settings", flush=True)
    tried = try_grid(stage, list(USUAL), lengths.levels, lengths.trial)
    body: dict[str, Any] = {"grid": told(tried), "levels": {}}
    ours = [stage.start(name) for name in VARIANTS]
    with running(ours) as servers:
        body["served"] = _served(servers[-1])
        body |= _alone(stage, servers[-1], lengths)
        for level in lengths.levels:
            best = best_of(tried, level)
            print(f"{level} connections", flush=True)
            with running([stage.start(kind, best) for kind in USUAL]) as peers:
                body["levels"][str(level)] = _level(stage, [*servers, *peers], level, lengths)
                if level == lengths.levels[-1]:
                    body["answers"] = _answers(stage, [*servers, *peers])
            body["levels"] = dict(sorted(body["levels"].items(), key=lambda one: int(one[0])))
            # A run of forty minutes that is cut off leaves what it had.
            (stage.folder / "so-far.json").write_text(json.dumps(body))
    return body


def _level(stage: Stage, servers: Sequence[Server], level: int, lengths: Lengths) -> dict[str, Any]:
    bodies = {one.name: stage.bodies(one.name, one.dialect) for one in servers}
    plan = (servers, bodies, level, lengths.seconds, lengths.alternations)
    if level != _BARE_AT:
        turns = alternate(*plan)
        return _told(servers, turns)
    runs: list[dict[str, float]] = []
    start = stage.start(DEFAULT)
    with bare_engine(f"{MODEL}@1", stage.texts_file(), start.environment) as bare:
        turns = alternate(*plan, between=lambda: runs.append(bare.run(lengths.seconds)))
        way = bare.way
    rates = [turn.load.rate for turn in of_server(turns, DEFAULT)]
    ideal = [run["rate"] for run in runs]
    found = {
        "way": way,
        "texts_per_second": median(ideal),
        "cpu_ms_per_text": median(run["cpu_ms"] for run in runs),
        "ours_by_bare": paired_ratio(rates, ideal),
    }
    return _told(servers, turns) | {"bare": found}


def _told(servers: Sequence[Server], turns: Sequence[Turn]) -> dict[str, Any]:
    rates = {one.name: [t.load.rate for t in of_server(turns, one.name)] for one in servers}
    ratios = {
        f"{ours}/{peer}": paired_ratio(rates[ours], rates[peer])
        for ours in VARIANTS
        for peer in USUAL
    }
    found = medians(turns)
    for one in servers:
        mine = of_server(turns, one.name)
        spread = median(turn.load.p99_ms / (turn.load.p50_ms or float("nan")) for turn in mine)
        found[one.name] |= {"p99_by_p50": spread, "settings": one.start.about}
        found[one.name]["rates"] = [round(rate, 2) for rate in rates[one.name]]
    return {"servers": found, "ratios": ratios}


def _answers(stage: Stage, servers: Sequence[Server]) -> dict[str, Any]:
    texts = stage.texts[:_COMPARED_TEXTS]
    reference = reference_answers(stage.model, texts, len(os.sched_getaffinity(0)))
    found = {}
    for server in servers:
        with server.on():
            found[server.name] = compared(answers_of(server, texts), reference)
    return found


def _alone(stage: Stage, server: Server, lengths: Lengths) -> dict[str, Any]:
    """What is measured of the default alone: swaps and overload."""
    bodies = stage.bodies(server.name, server.dialect)
    with server.on():
        print("swaps and overload", flush=True)
        found = {"swap": swap(server, bodies, lengths.swap)}
        server.settle()
        return found | {"overload": overload(server, bodies, lengths.overload, _OVERLOAD_PAIRS)}


def _served(server: Server) -> dict[str, Any]:
    """What is recorded of how the model is served."""
    with server.on(), Client(server.url) as client:
        return dict(client.models.get(f"{MODEL}@1").get("serving") or {})
