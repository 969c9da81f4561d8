"""Entities in commands: an English tagger on the starter encoder, taken to German.

    python -m benchmarks.tokens [--seeds 3]

Commands come from the intent templates of `home-assistant-intents`; names, rooms and templates of
the test rows are not among those that train. The English tagger is trained on 1,200 commands. It
is scored on 600 German ones untouched (zero-shot) and after `fine-tune` and `joint` on 50 German
commands, beside a tagger of word features fitted on the same 50 and "O" everywhere. Entity F1 is
computed by the project and by seqeval on the same predictions, and the largest difference kept.
"""

from __future__ import annotations

import argparse
import copy
import time
from typing import Any

import numpy as np
from seqeval.metrics import f1_score

from app.domain.enums import Task
from app.formats.huggingface.layout import read_layout
from app.formats.huggingface.load import build_encoder
from app.formats.starter_encoder import starter_encoder
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples
from app.learn.devices import seeded
from app.learn.inference import predict
from app.learn.network import Network
from app.learn.tasks.contract import Objective
from app.learn.training.recipe import Strategy
from app.methods.contract import MethodInput
from app.methods.fine_tune.method import run as fine_tune
from app.methods.fine_tune.spec import FineTuneParameters
from app.methods.joint.method import run as joint
from app.methods.joint.spec import JointParameters
from app.settings import settings
from benchmarks.record import record
from benchmarks.tagged_commands import LABELS, draw_commands

ENGLISH, GERMAN, TEST = 1200, 50, 600
SOURCE = FineTuneParameters(strategy=Strategy.LP_FT, max_steps=150)
ADAPT = {"strategy": Strategy.FULL, "max_steps": 80}


def main() -> None:
    """Run all and write `results/tokens.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    began = time.monotonic()
    english, test = draw_commands("en", ENGLISH, 0, 0), draw_commands("de", TEST, 1, 0)
    source_test = draw_commands("en", TEST, 1, 0)
    tagger = fine_tune(MethodInput(_plain_tagger(), SOURCE, english), NullMonitor()).network
    rows = [_row("zero-shot", tagger, test, began)]
    before = _scored(tagger.objective, predict(tagger, source_test.inputs), source_test)
    for seed in range(seeds):
        german = draw_commands("de", GERMAN, 0, seed + 1)
        rows += _seed(tagger, english, german, test, source_test, seed)
    body = {
        "seconds": round(time.monotonic() - began),
        "seeds": seeds,
        "commands": {"english": len(english), "german": GERMAN, "test": len(test)},
        "words": int((test.targets >= 0).sum()),
        "english_before": before,
        "rows": rows,
        "largest_difference_to_seqeval": max(row["difference_to_seqeval"] for row in rows),
    }
    record("tokens", body)


def _plain_tagger() -> Network:
    layout = read_layout(starter_encoder(settings().data_dir))
    network = build_encoder(layout, Task.TOKEN_CLASSIFICATION)
    with seeded(0):
        network.add_head(LABELS)
    return network


def _seed(
    tagger: Network,
    english: Examples,
    german: Examples,
    test: Examples,
    source_test: Examples,
    seed: int,
) -> list[dict[str, Any]]:
    methods = (
        ("fine-tune", fine_tune, FineTuneParameters(**ADAPT)),
        ("joint", joint, JointParameters(**ADAPT)),
    )
    rows = []
    for name, run, parameters in methods:
        began = time.monotonic()
        given = MethodInput(copy.deepcopy(tagger), parameters, german, source=english, seed=seed)
        network = run(given, NullMonitor()).network
        row = _row(name, network, test, began)
        after = predict(network, source_test.inputs)
        rows.append(row | {"english_after": _scored(network.objective, after, source_test)})
    began, objective = time.monotonic(), tagger.objective
    shallow = objective.text_baseline(german, test.inputs)
    assert shallow is not None
    rows.append(_account("word features", objective, shallow, test, began))
    most = objective.majority(german.targets, test.inputs)
    return [*rows, _account("majority", objective, most, test, began)]


def _row(name: str, network: Network, test: Examples, began: float) -> dict[str, Any]:
    return _account(name, network.objective, predict(network, test.inputs), test, began)


def _account(
    name: str, objective: Objective, answers: np.ndarray, test: Examples, began: float
) -> dict[str, Any]:
    score = _scored(objective, answers, test)
    rows = objective.row_answers(answers, test.targets)
    theirs = float(f1_score(rows.truth, rows.predicted, zero_division=0))
    return {
        "name": name,
        "entity_f1": score,
        "seqeval": theirs,
        "difference_to_seqeval": abs(theirs - score["value"]),
        "seconds": round(time.monotonic() - began, 1),
    }


def _scored(objective: Objective, answers: np.ndarray, test: Examples) -> dict[str, float]:
    score: dict[str, float] = objective.score(answers, test.targets)["entity_f1"]
    return score


if __name__ == "__main__":
    main()
