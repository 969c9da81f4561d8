"""Training the encoder's body on SIB-200: `full`, `lp-ft`, `lora` beside a plain training loop.

    python -m benchmarks.body --data FOLDER --kept FOLDER [--languages swh_Latn] [--cells 32]
    python -m benchmarks.body --data FOLDER --kept FOLDER --record

The source model is the starter encoder with a head trained on English train (English dev decides
when to stop). Target labels are drawn from the target's train rows, which are translations of the
English ones; the test rows are others. The plain loop is what a user writes in 30 lines: AdamW,
linear warm-up and decay, shuffled batches of 16, from the same source model, with the steps and
the rate of `full`. Both sides compute in bfloat16 (autocast), about twice as quick on a CPU.

Every cell (a language, a method, a number of labels) is kept in a file of the `--kept` folder as
soon as it is there, so that a run which was cut off goes on; `--record` writes
`results/body.json` from the cells that there are. Steps are those of EPOCHS, fewer than the
product's default, since a cell costs minutes; `lora` has its default, at least 60, since
it moves little in fewer. One seed; intervals are over the test rows.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from app.domain.models import ModelHints
from app.domain.transfers import SampleSize
from app.formats.catalog import detect_format
from app.formats.starter_encoder import starter_encoder
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples
from app.learn.data.splits import draw_sample
from app.learn.inference import predict
from app.learn.network import Network
from app.learn.vector_cache import SqliteVectorCache
from app.methods.contract import MethodInput, method_named, run_of
from app.settings import settings
from benchmarks.intervals import mean_accuracy
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages

LANGUAGES = ["swh_Latn", "tel_Telu", "yor_Latn", "deu_Latn", "tha_Thai"]
EPOCHS = {0: 1, 32: 12, 128: 4, 701: 2}
BATCH, RATE, DECAY, WARM_UP = 16, 5e-5, 0.01, 0.1
# In this order, so that the cheap cells of all languages are there first.
CELLS: tuple[tuple[str, int], ...] = (
    ("zero-shot", 0),
    *((method, labels) for labels in (32, 128) for method in ("logistic", "full", "plain loop")),
    *((method, labels) for labels in (32, 128) for method in ("lp-ft", "lora")),
    ("self-train head", 0),
    ("self-train lora", 0),
    *((method, 701) for method in ("logistic", "lp-ft", "plain loop", "full")),
)


def main() -> None:
    """Compute what is missing, or record what is there."""
    options = _options()
    _, languages = read_languages(options.data)
    if options.record:
        _record(options.kept, len(languages[0].test))
        return
    options.kept.mkdir(parents=True, exist_ok=True)
    named = {language.name: language for language in languages}
    source = _source_model(options.data, options.kept / "english_head.pt")
    cells = [cell for cell in CELLS if not options.cells or _name(*cell) in options.cells]
    for method, labels in cells:
        for name in options.languages:
            file = options.kept / f"{name}.jsonl"
            if not any(_is(line, method, labels) for line in _lines(file)):
                line = _cell(method, labels, named[name], languages[0], copy.deepcopy(source))
                with file.open("a") as handle:
                    handle.write(json.dumps(line) + "\n")
                print(name, method, labels, np.mean(line["right"]), line["seconds"], flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--languages", type=lambda t: t.split(","), default=LANGUAGES)
    parser.add_argument("--cells", type=lambda t: t.split(","), default=[], help="full-32,lora-32")
    parser.add_argument("--record", action="store_true")
    return parser.parse_args()


def _name(method: str, labels: int) -> str:
    return f"{method}-{labels}"


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _is(line: dict[str, Any], method: str, labels: int) -> bool:
    return bool(line["method"] == method and line["labels"] == labels)


def _source_model(data: Path, kept: Path) -> Network:
    """The starter encoder with the English head, which is trained once."""
    folder = starter_encoder(settings().data_dir)
    form = detect_format(folder)
    network = form.load(folder, form.inspect(folder, ModelHints()))
    labels, languages = read_languages(data)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.add_head(labels)
    if kept.exists():
        for parameter, value in zip(network.head_parameters(), torch.load(kept), strict=True):
            parameter.data.copy_(value)
        return network.eval()
    english = languages[0]
    _run("fine-tune", {"strategy": "head"}, network, english.train, validation=english.dev)
    torch.save([parameter.data for parameter in network.head_parameters()], kept)
    return network.eval()


def _cell(
    method: str, labels: int, language: Language, english: Language, network: Network
) -> dict[str, Any]:
    """Train, answer the test rows, and tell which were right."""
    train = language.train
    if labels < len(train):
        train = draw_sample(train, SampleSize(rows=max(labels, 1)), 0)
    began, spent = time.monotonic(), time.process_time()
    # Cached casts would stay what the weights were at the first step.
    with torch.autocast("cpu", torch.bfloat16, method in _BODY, cache_enabled=False):
        _TRAIN[method](network, train, EPOCHS[labels], language, english)
        right = predict(network, language.test.inputs).argmax(axis=1) == language.test.targets
    return {
        "language": language.name,
        "method": method,
        "labels": labels,
        "seconds": round(time.monotonic() - began),
        "cpu_seconds": round(time.process_time() - spent),
        "right": right.astype(int).tolist(),
    }


def _run(
    method: str, parameters: dict[str, Any], network: Network, train: Examples | None, **more: Any
) -> None:
    vectors = SqliteVectorCache(
        settings().data_dir / "vectors.sqlite", settings().vector_cache_bytes
    )
    chosen = method_named(method).parameters.model_validate(parameters)
    given = MethodInput(network, chosen, train, vectors=vectors, **more)
    run_of(method_named(method))(given, NullMonitor())


def _fine_tuned(
    strategy: str, network: Network, train: Examples, epochs: int, *_: Language
) -> None:
    steps = epochs * -(-len(train) // BATCH)
    chosen = {"strategy": strategy, "weight_decay": DECAY, "warm_up": WARM_UP, "max_steps": steps}
    if strategy == "lp-ft":
        # Stage by stage, so that the bound on the steps holds for the body alone.
        _run("fine-tune", {"strategy": "head"}, network, train)
        chosen |= {"strategy": "full"}
    if strategy == "lora":
        chosen = {"strategy": strategy}
    _run("fine-tune", chosen, network, train)


def _regressed(network: Network, train: Examples, *_: Any) -> None:
    _run("fine-tune", {"strategy": "logistic"}, network, train)


def _self_trained(
    strategy: str, network: Network, _: Examples, __: int, language: Language, english: Language
) -> None:
    chosen = {"strategy": strategy}
    if strategy != "head":
        chosen |= {"rounds": 1, "max_steps": 40}
    texts = list(map(str, language.train.inputs))
    _run("self-train", chosen, network, None, unlabelled=texts, source=english.train)


def _plain_loop(network: Network, train: Examples, epochs: int, *_: Language) -> None:
    """Without anything of the product but the network and its tokenizer."""
    random, texts = np.random.default_rng(0), list(train.inputs)
    targets = torch.from_numpy(train.targets)
    steps = epochs * -(-len(texts) // BATCH)
    network.requires_grad_(True).train()
    # Looks up unused rows of the embedding without learning them: the same result, sooner.
    network.prepare_training(train.inputs)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=RATE, weight_decay=DECAY)
    rising = max(1, round(steps * WARM_UP))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min((k + 1) / rising, (steps - k) / max(1, steps - rising))
    )
    for _epoch in range(epochs):
        order = random.permutation(len(texts))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            logits = network(network.collate([texts[i] for i in chosen]))
            loss = nn.functional.cross_entropy(logits.float(), targets[chosen])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            schedule.step()
    network.finish_training()
    network.eval()


_TRAIN: dict[str, Callable[..., None]] = {
    "zero-shot": lambda *_: None,
    "logistic": _regressed,
    "plain loop": _plain_loop,
    "full": partial(_fine_tuned, "full"),
    "lp-ft": partial(_fine_tuned, "lp-ft"),
    "lora": partial(_fine_tuned, "lora"),
    "self-train head": partial(_self_trained, "head"),
    "self-train lora": partial(_self_trained, "lora"),
}
_BODY = ("plain loop", "full", "lp-ft", "lora", "self-train lora")


def _record(kept: Path, test_rows: int) -> None:
    lines = [line for file in sorted(kept.glob("*.jsonl")) for line in _lines(file)]
    cells = [
        {k: v for k, v in line.items() if k != "right"}
        | {"score": mean_accuracy(np.array([line["right"]], dtype=bool))}
        for line in lines
    ]
    body = {
        "seconds": sum(line["seconds"] for line in lines),
        "test_rows": test_rows,
        "epochs": {str(labels): epochs for labels, epochs in EPOCHS.items()},
        "planned": [list(cell) for cell in CELLS],
        "languages": LANGUAGES,
        "cells": cells,
    }
    record("body", body)


if __name__ == "__main__":
    main()
