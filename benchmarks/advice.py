"""Whether the advice on further labels and on abstaining holds, where the truth can be looked up.

    python -m benchmarks.advice --data FOLDER [--languages swh_Latn] [--seeds 10] [--vectors FOLDER]

FOLDER holds SIB-200, one folder per language; vectors are the starter encoder's. Labels: from 200
of a language's 1004 rows the learning curve says how many more would be worth two points; the
truth is the curve of the same head on 200 to 800 of them (`benchmarks/label_truth.py`).
Abstaining: a head trained on the train rows, a threshold chosen on half of the dev and test rows,
and the precision of what it lets through on the other half.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from sklearn.linear_model import LogisticRegression

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.formats.starter_encoder import starter_encoder
from app.learn.advice.abstention import abstention_threshold, share
from app.learn.advice.learning_curve import advise_on_labels, curve_sizes, draw_learning_curve
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples, concatenate_examples
from app.learn.network import Network
from app.settings import settings
from benchmarks.label_truth import HAND, advice_beside_truth, fit, rows_needed
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages
from benchmarks.sib200_vectors import memoised, part

WANTED = (0.9, 0.95)


def main() -> None:
    """Advise, look the truth up, and write `results/advice.json`."""
    options = _options()
    started = time.monotonic()
    labels, languages = read_languages(options.data)
    chosen = [x for x in languages if not options.languages or x.name in options.languages]
    network = _starter(options, labels, chosen)
    encoded = time.monotonic() - started
    rows = [_language(network, x, options.seeds) for x in track(chosen, "languages")]
    record(
        "advice",
        {
            "seconds": round(time.monotonic() - started),
            "encoding_seconds": round(encoded),
            "seeds": options.seeds,
            "rows_at_hand": HAND,
            "languages": rows,
            "labels": advice_beside_truth(rows),
            "abstention": [_abstention_together(rows, wanted) for wanted in WANTED],
        },
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--languages", type=lambda text: text.split(","), default=[])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--vectors", type=Path, default=None)
    return parser.parse_args()


def _starter(
    options: argparse.Namespace, labels: tuple[str, ...], languages: list[Language]
) -> Network:
    folder = starter_encoder(settings().data_dir)
    form = detect_format(folder)
    network = form.load(folder, form.inspect(folder, ModelHints()))
    file = options.vectors and options.vectors / "sib200_starter_vectors.npz"
    parts = [part(language, split) for language in languages for split in ("train", "dev", "test")]
    return memoised(network, labels, parts, file)


def _language(network: Network, language: Language, seeds: int) -> dict[str, Any]:
    rows = concatenate_examples(concatenate_examples(language.train, language.dev), language.test)
    vectors = _vectors(network, rows)
    scaled = (vectors - vectors.mean(axis=0)) / (vectors - vectors.mean(axis=0)).std()
    most = len(language.train)
    head = fit(scaled[:most], rows.targets[:most])
    return {
        "language": language.name,
        "needed": rows_needed(scaled, rows.targets),
        "advised": [_advised(vectors, rows, len(network.labels), seed) for seed in range(seeds)],
        "abstained": _abstained(head, scaled[most:], rows.targets[most:], seeds),
    }


def _advised(vectors: np.ndarray, rows: Examples, classes: int, seed: int) -> dict[str, Any]:
    at = np.random.default_rng(seed).permutation(len(rows))[:HAND]
    sizes, targets = curve_sizes(HAND * 4 // 5, classes), rows.targets[at]
    correct = draw_learning_curve(
        vectors[at], targets, np.arange(len(targets)), sizes, 4, seed, np.inf, NullMonitor()
    )
    advice = advise_on_labels(correct, sizes, seed)
    return {name: advice.get(name) for name in ("status", "further_rows", "low", "high")}


def _abstained(
    head: LogisticRegression, others: np.ndarray, targets: np.ndarray, seeds: int
) -> list[dict[str, Any]]:
    probabilities = head.predict_proba(others)
    found = []
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(targets))
        chosen, checked = order[: len(order) // 2], order[len(order) // 2 :]
        for wanted in WANTED:
            advice = abstention_threshold(probabilities[chosen], targets[chosen], wanted)
            threshold = advice.get("threshold", np.inf)
            let_through = probabilities[checked].max(axis=1) >= threshold
            right = probabilities[checked].argmax(axis=1) == targets[checked]
            found.append(
                {
                    "wanted": wanted,
                    "told": advice["status"] == "given",
                    "rows": len(checked),
                    "right": int(right.sum()),
                    "let_through": int(let_through.sum()),
                    "right_let_through": int((right & let_through).sum()),
                }
            )
    return found


def _abstention_together(rows: list[dict[str, Any]], wanted: float) -> dict[str, Any]:
    pieces = [one for row in rows for one in row["abstained"] if one["wanted"] == wanted]
    told = [one for one in pieces if one["let_through"]]
    names = ("rows", "right", "let_through", "right_let_through")
    sums = {name: sum(one[name] for one in told) for name in names}
    held = sum(one["right_let_through"] >= wanted * one["let_through"] for one in told)
    return {
        "wanted": wanted,
        "pieces": len(pieces),
        "told": len(told),
        "precision": share(sums["right_let_through"], sums["let_through"]),
        "coverage": sums["let_through"] / sums["rows"],
        "held": share(held, len(told)),
        "everything": share(sums["right"], sums["rows"]),
    }


def _vectors(network: Network, rows: Examples) -> np.ndarray:
    vectors: np.ndarray = network.features(network.collate(rows.inputs)).numpy()
    return vectors


if __name__ == "__main__":
    main()
