"""SIB-200 topics with the starter encoder: zero-shot, then `fine-tune` and `joint` by label budget.

    python -m benchmarks.sib200 --data FOLDER [--languages swh_Latn,deu_Latn] [--seeds 3]

FOLDER holds one folder per language with train.tsv, dev.tsv and test.tsv. The English head is
trained on English train (dev decides when to stop). Every figure is accuracy on the 204 untouched
test rows, the mean over seeds (other heads and other samples of labels), with a 95% bootstrap
interval over rows and seeds. TF-IDF + logistic regression is fitted on the same labels. The body
of the encoder stays frozen (strategy `head`), so each text is encoded once.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

from app.domain.models import ModelHints
from app.domain.transfers import SampleSize
from app.formats.catalog import detect_format
from app.formats.starter_encoder import starter_encoder
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples
from app.learn.data.splits import draw_sample
from app.learn.inference import predict
from app.learn.network import Network
from app.learn.tasks.baselines import tfidf
from app.learn.tasks.single_label import majority_baseline
from app.learn.training.recipe import Strategy
from app.methods.contract import MethodInput, Parameters, RunMethod
from app.methods.fine_tune.method import run as fine_tune
from app.methods.fine_tune.spec import FineTuneParameters
from app.methods.joint.method import run as joint
from app.methods.joint.spec import JointParameters
from app.settings import settings
from benchmarks.intervals import mean_accuracy
from benchmarks.memoised import Memoised
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages

BUDGETS: tuple[int | None, ...] = (8, 32, 128, None)
FINE_TUNE = FineTuneParameters(strategy=Strategy.HEAD)
JOINT = JointParameters(strategy=Strategy.HEAD, target_share=0.5)
METHODS: tuple[tuple[str, RunMethod, Parameters], ...] = (
    ("fine-tune", fine_tune, FINE_TUNE),
    ("joint", joint, JOINT),
)


def main() -> None:
    """Run the grid and write `results/sib200.json`."""
    options = _options()
    started = time.monotonic()
    labels, languages = read_languages(options.data)
    chosen = [x for x in languages if not options.languages or x.name in options.languages]
    source = languages[0]
    network = _encoded({t for x in [source, *chosen] for t in x.texts()}, labels)
    heads = [_english_head(network, source, seed) for seed in range(options.seeds)]
    rows = []
    for language in track(chosen, "languages"):
        rows.append(_language(language, source, heads))
    record(
        "sib200",
        {
            "seconds": round(time.monotonic() - started),
            "seeds": options.seeds,
            "strategy": "head",
            "test_rows": len(source.test),
            "languages": rows,
        },
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--languages", type=lambda text: text.split(","), default=[])
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


def _encoded(texts: set[str], labels: tuple[str, ...]) -> Memoised:
    """The starter encoder with every text's vector at hand and a head for `labels`."""
    network = _starter()
    ordered = sorted(texts, key=len)
    vectors = []
    with torch.inference_mode():
        for start in track(range(0, len(ordered), 64), "encoding sentences"):
            vectors.append(network.features(network.collate(ordered[start : start + 64])))
    return Memoised(labels, torch.cat(vectors).clone(), {t: i for i, t in enumerate(ordered)})


def _english_head(network: Memoised, english: Language, seed: int) -> Network:
    torch.manual_seed(seed)
    start = copy.deepcopy(network)
    start.reset()
    given = MethodInput(start, FINE_TUNE, english.train, english.dev, seed=seed)
    return fine_tune(given, NullMonitor()).network


def _language(language: Language, source: Language, heads: list[Network]) -> dict[str, Any]:
    test, classes = language.test, len(heads[0].labels)
    most_frequent = majority_baseline(language.train.targets, len(test), classes).argmax(axis=1)
    return {
        "language": language.name,
        "majority": float((most_frequent == test.targets).mean()),
        "zero_shot": mean_accuracy(np.stack([_correct(head, test) for head in heads])),
        "budgets": [_budget(language, source, heads, budget) for budget in BUDGETS],
    }


def _budget(
    language: Language, source: Language, heads: list[Network], budget: int | None
) -> dict[str, Any]:
    correct: dict[str, list[np.ndarray]] = {"tfidf": [], "fine-tune": [], "joint": []}
    for seed, head in enumerate(heads):
        train = language.train
        if budget is not None:
            train = draw_sample(train, SampleSize(rows=budget), seed)
        # The dev rows are further labels, so only the largest budget may look at them.
        validation = language.dev if budget is None else None
        for name, run, parameters in METHODS:
            start = copy.deepcopy(head)
            given = MethodInput(start, parameters, train, validation, source.train, seed=seed)
            correct[name].append(_correct(run(given, NullMonitor()).network, language.test))
        correct["tfidf"].append(_tfidf_correct(train, language.test, len(head.labels)))
    return {"labels": budget or len(language.train)} | {
        name: mean_accuracy(np.stack(rows)) for name, rows in correct.items()
    }


def _correct(network: Network, test: Examples) -> np.ndarray:
    return predict(network, test.inputs).argmax(axis=1) == test.targets


def _tfidf_correct(train: Examples, test: Examples, classes: int) -> np.ndarray:
    answers = tfidf(list(train.inputs), train.targets, list(test.inputs), classes)
    return answers.argmax(axis=1) == test.targets


def _starter() -> Network:
    folder = starter_encoder(settings().data_dir)
    form = detect_format(folder)
    return form.load(folder, form.inspect(folder, ModelHints()))


if __name__ == "__main__":
    main()
