"""32 target labels on SIB-200: every method for few labels, and `auto`, beside zero-shot.

    python -m benchmarks.few_labels --data FOLDER [--languages swh_Latn,deu_Latn] [--held dev]

FOLDER holds one folder per language with train.tsv, dev.tsv and test.tsv. The source model is the
starter encoder with a head trained on English train (English dev decides when to stop), another
one for each sample. The 32 target labels are drawn, stratified, from the target's dev rows, five
times: its train rows are translations of the sentences that the English head was trained on, so
that a comparison on them would flatter that head. The target's train rows are given without their
labels, as unlabelled text. Accuracy is taken on the 204 untouched test rows.

With `--held dev` the scores are of the dev rows outside each sample instead, and nothing is
recorded: that is how settings were chosen.
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
from app.domain.transfers import Sample
from app.formats.catalog import recognise
from app.formats.starter.build import starter_encoder
from app.learn.baselines import tfidf
from app.learn.encoding import encode
from app.learn.examples import Examples
from app.learn.monitor import Silence
from app.learn.network import Network
from app.learn.predicting import predict
from app.learn.samples import draw_sample
from app.learn.vector_file import VectorFile
from app.methods.catalog import method_named, run_of
from app.methods.contract import MethodInput
from app.settings import settings
from benchmarks.few_labels_verdict import verdict
from benchmarks.intervals import mean_accuracy
from benchmarks.memoised import Memoised
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages

LABELS, SAMPLES = 32, 5
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "fine-tune": ("fine-tune", {"strategy": "logistic"}),
    "joint": ("joint", {"strategy": "logistic"}),
    "self-train": ("self-train", {"strategy": "head", "max_steps": 300}),
    "auto": ("auto", {}),
}


def main() -> None:
    """Run the grid; record it and print whether it was good enough."""
    options = _options()
    started = time.monotonic()
    labels, languages = read_languages(options.data)
    english = languages[0]
    targets = [x for x in languages[1:] if not options.languages or x.name in options.languages]
    network = _encoded([english, *targets], labels)
    heads = [_english_head(network, english, seed) for seed in range(SAMPLES)]
    rows = [_language(x, english, heads, options.held) for x in track(targets, "languages")]
    body = {
        "seconds": round(time.monotonic() - started),
        "samples": SAMPLES,
        "labels": LABELS,
        "test_rows": len(english.test),
        "methods": {name: {"method": m, "parameters": p} for name, (m, p) in METHODS.items()},
        "languages": rows,
        "verdict": verdict(rows),
    }
    for line in body["verdict"]["lines"]:
        print(line)
    if options.held == "test":
        record("few_labels", body)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--languages", type=lambda text: text.split(","), default=[])
    parser.add_argument("--held", choices=["test", "dev"], default="test")
    return parser.parse_args()


def _encoded(languages: list[Language], labels: tuple[str, ...]) -> Memoised:
    """The starter encoder with every text's vector at hand, from the data directory's cache."""
    folder = starter_encoder(settings().data_dir)
    form = recognise(folder)
    network = form.load(folder, form.inspect(folder, ModelHints())).eval()
    kept = VectorFile(settings().data_dir / "vectors.sqlite", settings().vector_cache_bytes)
    texts = list(dict.fromkeys(t for language in languages for t in language.texts()))
    vectors = []
    for start in track(range(0, len(texts), 1024), "encoding sentences"):
        found = encode(network, texts[start : start + 1024], kept, Silence())
        assert found is not None, "sentence vectors have one shape"
        vectors.append(found)
    memoised = Memoised(network, torch.cat(vectors), {t: i for i, t in enumerate(texts)})
    memoised.add_head(labels)
    return memoised


def _english_head(network: Memoised, english: Language, seed: int) -> Network:
    torch.manual_seed(seed)
    start = copy.deepcopy(network)
    start.reset()
    return _run("fine-tune", {"strategy": "head"}, start, english.train, seed, english.dev)[0]


def _run(
    method: str,
    parameters: dict[str, Any],
    start: Network,
    train: Examples,
    seed: int,
    validation: Examples | None = None,
    source: Examples | None = None,
    unlabelled: list[str] | None = None,
) -> tuple[Network, dict[str, Any]]:
    spec = method_named(method)
    given = MethodInput(
        network=start,
        parameters=spec.parameters.model_validate(parameters),
        train=train,
        validation=validation,
        source=source if method != "fine-tune" else None,
        unlabelled=unlabelled if method != "fine-tune" else None,
        seed=seed,
    )
    output = run_of(spec)(given, Silence())
    return output.network, output.report


def _language(
    language: Language, english: Language, heads: list[Network], held: str
) -> dict[str, Any]:
    """Scores of one language: right or wrong for each sample and row, by method."""
    correct: dict[str, list[np.ndarray]] = {}
    seconds: dict[str, float] = {}
    chosen: list[str] = []
    for seed, head in enumerate(heads):
        train = draw_sample(language.dev, Sample(rows=LABELS), seed)
        scored = language.test if held == "test" else _outside(language.dev, train)
        answers = {"zero-shot": head, "target-only head": _fresh(head, train, seed)}
        for name, (method, parameters) in METHODS.items():
            began = time.monotonic()
            texts = list(map(str, language.train.inputs))
            start = copy.deepcopy(head)
            answers[name], report = _run(
                method, parameters, start, train, seed, None, english.train, texts
            )
            seconds[name] = seconds.get(name, 0.0) + time.monotonic() - began
            chosen += [report["chosen"]] if method == "auto" else []
        for name, network in answers.items():
            right = predict(network, scored.inputs).argmax(axis=1) == scored.targets
            correct.setdefault(name, []).append(right)
        correct.setdefault("target-only TF-IDF", []).append(_tfidf(train, scored, head))
    return {
        "language": language.name,
        "scores": {name: mean_accuracy(np.stack(rows)) for name, rows in correct.items()},
        "samples": {name: [float(r.mean()) for r in rows] for name, rows in correct.items()},
        "seconds": {name: round(s / len(heads), 2) for name, s in seconds.items()},
        "chosen": chosen,
    }


def _fresh(head: Network, train: Examples, seed: int) -> Network:
    """A head drawn anew and trained on the target labels alone."""
    torch.manual_seed(seed)
    start = copy.deepcopy(head)
    start.reset()
    return _run("fine-tune", {"strategy": "head"}, start, train, seed)[0]


def _outside(rows: Examples, sample: Examples) -> Examples:
    return rows.take(np.flatnonzero(~np.isin(rows.rows, sample.rows)))


def _tfidf(train: Examples, scored: Examples, head: Network) -> np.ndarray:
    texts, asked = list(map(str, train.inputs)), list(map(str, scored.inputs))
    right: np.ndarray = (
        tfidf(texts, train.targets, asked, len(head.labels)).argmax(axis=1) == scored.targets
    )
    return right


if __name__ == "__main__":
    main()
