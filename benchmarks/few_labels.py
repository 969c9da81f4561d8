"""Few target labels on SIB-200: every method, and `auto`, beside zero-shot and a tuned regression.

    python -m benchmarks.few_labels --data FOLDER --vectors FILE.npz [--languages swh_Latn,deu_Latn]
        [--held dev] [--samples 5] [--spreads par] [--methods auto] [--budgets 8] --lines FILE

FOLDER of data holds one folder per language with train.tsv, dev.tsv and test.tsv; the file of
vectors keeps what the starter encoder makes of them. For each of five samples the source model is
a head trained on English, 32 labels are drawn from the target's dev rows, stratified, and its
train rows are text without labels, under four spreads:

par      the text translates the English rows
half     English rows are one half of the train split, the text is the other half
shift-u  half, and of the text's three commonest labels all rows but a tenth are left out
shift-t  the same of the text, the labels and the test rows

Accuracy is taken on the test rows. A second part counts labels (0, 8, 32, and of one sample 128
and 701; beyond the dev rows they are drawn from the train rows) under the first spread. With
`--held dev` sentences of the train and dev splits are dealt out anew instead, by the sample, and
nothing is recorded: that is how settings were chosen.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from app.domain.transfers import SampleSize
from app.formats.starter_encoder import starter_encoder
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples, concatenate_examples
from app.learn.data.splits import draw_sample, fold_numbers
from app.learn.heads.logistic import (
    HeadPrior,
    LabelledFeatures,
    LinearHead,
    fit_logistic,
    log_losses,
)
from app.learn.inference import predict
from app.learn.network import Network
from app.methods.contract import MethodInput, method_named, run_of
from app.settings import settings
from benchmarks.few_labels_verdict import REGRESSION, verdict
from benchmarks.memoised import Memoised
from benchmarks.out_of_english import network_of
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages
from benchmarks.sib200_vectors import memoised, part

LABELS, SAMPLES = 32, 5
MANY_SAMPLES = 1  # of more labels than LABELS, which cost minutes
SPREADS = ("par", "half", "shift-u", "shift-t")
BUDGETS = (0, 8, 32, 128, 701)
# Those with a source model and no label, and those with labels.
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "bridge": ("bridge", {}),
    "self-train, no labels": ("self-train", {}),
    "fine-tune": ("fine-tune", {"strategy": "logistic"}),
    "linear-probe": ("fine-tune", {"strategy": "linear-probe"}),
    "head": ("fine-tune", {"strategy": "head"}),
    "joint": ("joint", {"strategy": "logistic"}),
    "self-train": ("self-train", {}),
    "auto": ("auto", {"body_rows": 1_000_000}),
}
UNLABELLED = ("bridge", "self-train, no labels")


@dataclass(frozen=True)
class Task:
    """The rows of one sample, spread and language; `ids` (int (n,)) name the test sentences."""

    source: Examples
    unlabelled: Examples
    labelled: Examples
    test: Examples
    ids: np.ndarray


def main() -> None:
    """Run the grid; record it and print whether it was good enough."""
    options = _options()
    started = time.monotonic()
    labels, languages = read_languages(options.data)
    english = languages[0]
    targets = [x for x in languages[1:] if not options.languages or x.name in options.languages]
    body = _body(options.vectors, labels, [english, *targets], options.held)
    runs = _Runs(body, english, options)
    for sample in range(options.samples):  # a run that is cut off has whole samples
        for language in track(targets, f"sample {sample + 1}"):
            runs.add(language, sample, started + 60 * options.minutes)
    told = {
        "seconds": round(time.monotonic() - started),
        "samples": len({line["sample"] for line in runs.lines}),
        "labels": LABELS,
        "held": options.held,
        "methods": {name: {"method": m, "parameters": p} for name, (m, p) in METHODS.items()},
        "languages": len({line["language"] for line in runs.lines}),
        "verdict": verdict(runs.lines, LABELS),
    }
    for line in told["verdict"]["lines"]:
        print(line)
    if options.held == "test":
        record("few_labels", told)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--languages", type=lambda text: text.split(","), default=[])
    parser.add_argument("--held", choices=["test", "dev"], default="test")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--spreads", type=lambda text: text.split(","), default=list(SPREADS))
    parser.add_argument(
        "--methods", type=lambda text: text.split(";"), default=[REGRESSION, *METHODS]
    )
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--budgets", type=int, nargs="*", default=list(BUDGETS))
    parser.add_argument("--lines", type=Path, required=True, help="what was found, line by line")
    return parser.parse_args()


def _body(folder: Path, labels: tuple[str, ...], languages: list[Language], held: str) -> Memoised:
    splits = ("train", "dev", "test") if held == "test" else ("train", "dev")
    parts = [part(language, split) for language in languages for split in splits]
    return memoised(lambda: network_of(starter_encoder(settings().data_dir)), labels, parts, folder)


class _Runs:
    """Runs what `options` ask for and writes a line of JSON for each language, sample and spread.

    What the file of lines has already is not run again.
    """

    def __init__(self, body: Memoised, english: Language, options: argparse.Namespace) -> None:
        self._body, self._english, self._options = body, english, options
        file = options.lines
        self.lines = [json.loads(x) for x in file.read_text().splitlines()] if file.exists() else []
        self._heads: dict[tuple[str, int], Network] = {}

    def add(self, language: Language, sample: int, until: float) -> None:
        """Run every spread and budget that has not been run, while there is time."""
        asked = [(spread, LABELS) for spread in self._options.spreads]
        for budget in self._options.budgets:
            if budget < LABELS or (budget > LABELS and sample < MANY_SAMPLES):
                asked.append(("par", budget))
        for spread, budget in asked:
            if time.monotonic() < until:
                self._run(language, sample, spread, budget)

    def _run(self, language: Language, sample: int, spread: str, budget: int) -> None:
        key = {"language": language.name, "sample": sample, "spread": spread, "labels": budget}
        if any(key.items() <= line.items() for line in self.lines):
            return
        task = _task(self._english, language, sample, spread, budget, self._options.held)
        head = self._head(task, spread, sample)
        right: dict[str, list[int]] = {"zero-shot": _right(head, task)}
        seconds: dict[str, float] = {}
        chosen = ""
        if budget and REGRESSION in self._options.methods:
            right[REGRESSION] = _tuned_regression(self._body, task, sample)
        for name in [x for x in METHODS if x in self._options.methods]:
            if not budget and name not in UNLABELLED:
                continue
            if name in UNLABELLED and budget not in (0, LABELS):
                continue
            began = time.monotonic()
            network, report = _transfer(name, head, task, language.name, sample)
            seconds[name] = round(time.monotonic() - began, 3)
            right[name] = _right(network, task)
            chosen = report.get("chosen", chosen)
        line = (
            key
            | {"ids": task.ids.tolist(), "right": right, "seconds": seconds}
            | {"chosen": chosen}
        )
        self.lines.append(line)
        with self._options.lines.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _head(self, task: Task, spread: str, sample: int) -> Network:
        """The source model, of which the language makes no difference."""
        key = ("par" if spread == "par" else "half", sample)
        if key not in self._heads:
            start = copy.deepcopy(self._body)
            given = _input("fine-tune", {"strategy": "linear-probe"}, start, task.source, sample)
            self._heads[key] = run_of(method_named("fine-tune"))(given, NullMonitor()).network
        return self._heads[key]


def _transfer(
    name: str, head: Network, task: Task, language: str, sample: int
) -> tuple[Network, dict[str, Any]]:
    method, parameters = METHODS[name]
    train = None if name in UNLABELLED else task.labelled
    given = _input(method, parameters, copy.deepcopy(head), train, sample)
    roles = {
        "source": task.source,
        "unlabelled": [str(text) for text in task.unlabelled.inputs],
        "target_language": language,
        "source_language": "eng_Latn",
    }
    given = dataclasses.replace(given, **roles).restricted_to(method_named(method))
    output = run_of(method_named(method))(given, NullMonitor())
    return output.network, output.report


def _input(
    method: str, parameters: dict[str, Any], start: Network, train: Examples | None, sample: int
) -> MethodInput:
    schema = method_named(method).parameters
    return MethodInput(
        network=start, parameters=schema.model_validate(parameters), train=train, seed=sample
    )


def _right(network: Network, task: Task) -> list[int]:
    answers = predict(network, task.test.inputs).argmax(axis=1)
    return [int(x) for x in answers == task.test.targets]


def _tuned_regression(body: Memoised, task: Task, sample: int) -> list[int]:
    """Logistic regression on English and labelled rows together, whose languages are centred.

    Vectors have length 1 again after centring. The penalty, and as how many English rows a
    labelled one counts, are those of the least log loss of labelled rows out of fold.
    """
    english, texts = _vectors(body, task.source), _vectors(body, task.unlabelled)
    ours, asked = _vectors(body, task.labelled), _vectors(body, task.test)
    middle, centre = np.concatenate([texts, ours]).mean(axis=0), english.mean(axis=0)
    moved = [_unit(x - centre) for x in (english,)] + [_unit(x - middle) for x in (ours, asked)]
    scale = float(np.sqrt((moved[0] ** 2).mean()))
    english, ours, asked = (x / scale for x in moved)
    folds = fold_numbers(task.labelled, sample)
    classes = len(body.labels)

    def fitted(kept: np.ndarray, precision: float, weight: float) -> LinearHead:
        rows = np.concatenate([english, ours[kept]])
        targets = np.concatenate([task.source.targets, task.labelled.targets[kept]])
        counts = np.concatenate([np.ones(len(english)), np.full(int(kept.sum()), weight)])
        nothing = LinearHead(np.zeros((rows.shape[1], classes)), np.zeros(classes))
        points = LabelledFeatures(rows, targets, np.arange(len(rows)))
        return fit_logistic(points, HeadPrior(nothing, precision, 0.01), None, 1e-5, counts)

    def loss(precision: float, weight: float) -> float:
        out = np.zeros((len(ours), classes))
        for fold in np.unique(folds):
            out[folds == fold] = fitted(folds != fold, precision, weight).logits(
                ours[folds == fold]
            )
        return float(log_losses(out, task.labelled.targets).mean())

    best = min(
        ((precision, weight) for precision in (100.0, 30.0) for weight in (1.0, 4.0)),
        key=lambda pair: loss(*pair),
    )
    answers = fitted(np.ones(len(ours), dtype=bool), *best).logits(asked).argmax(axis=1)
    return [int(x) for x in answers == task.test.targets]


def _vectors(body: Memoised, rows: Examples) -> np.ndarray:
    found: np.ndarray = body.features(body.collate(rows.inputs)).numpy().astype(np.float64)
    return found


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths: np.ndarray = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


def _task(
    english: Language, language: Language, sample: int, spread: str, budget: int, held: str
) -> Task:
    draw = np.random.default_rng(1000 + sample)
    source, train, pool, test = _dealt(english, language, draw, held)
    if spread != "par":
        names = draw.permutation(sorted(set(source.groups or ())))
        first = set(names[: len(names) // 2])
        source = _of(source, first)
        train = _of(train, set(names) - first)
    if spread in ("shift-u", "shift-t"):
        train = _cut(train, english, draw)
    if spread == "shift-t":
        pool, test = _cut(pool, english, draw), _cut(test, english, draw)
    labelled = _sampled(pool, train, budget, sample)
    return Task(source, train, labelled, test, np.array([int(g) for g in test.groups or ()]))


def _dealt(
    english: Language, language: Language, draw: np.random.Generator, held: str
) -> tuple[Examples, Examples, Examples, Examples]:
    """Source rows, the target's text, rows to draw labels from, and rows to score."""
    if held == "test":
        return english.train, language.train, language.dev, language.test
    here, there = _both(english), _both(language)
    names = draw.permutation(sorted(set(here.groups or ())))
    scored, pool, rest = set(names[:160]), set(names[160:260]), set(names[260:])
    return _of(here, rest), _of(there, rest), _of(there, pool), _of(there, scored)


def _both(language: Language) -> Examples:
    rows = concatenate_examples(language.train, language.dev)
    groups = (*(language.train.groups or ()), *(language.dev.groups or ()))
    numbers = np.arange(1, len(rows) + 1)
    return dataclasses.replace(rows, groups=groups, rows=numbers)


def _of(rows: Examples, names: set[str]) -> Examples:
    return rows.take(np.array([i for i, g in enumerate(rows.groups or ()) if g in names]))


def _cut(rows: Examples, english: Language, draw: np.random.Generator) -> Examples:
    """All but a tenth of the rows of the three labels that English train has most of left out."""
    common = np.argsort(-np.bincount(english.train.targets))[:3]
    stays = ~np.isin(rows.targets, common) | (draw.random(len(rows)) < 0.1)
    return rows.take(np.flatnonzero(stays))


def _sampled(pool: Examples, train: Examples, budget: int, sample: int) -> Examples:
    """`budget` labelled rows, stratified; beyond the pool's they are drawn from the text's."""
    if budget <= len(pool):
        return draw_sample(pool, SampleSize(rows=budget), sample) if budget else pool.take(_NONE)
    rest = budget - len(pool)
    more = draw_sample(train, SampleSize(rows=rest), sample) if rest < len(train) else train
    rows = concatenate_examples(pool, more)
    groups = (*(pool.groups or ()), *(more.groups or ()))
    return dataclasses.replace(rows, groups=groups, rows=np.arange(1, len(rows) + 1))


_NONE = np.empty(0, dtype=np.int64)


if __name__ == "__main__":
    main()
