"""The starter encoder cut down to English and German by `trim`.

    pip install wordfreq
    python -m benchmarks.trim --data SIB200 --packages FOLDER

FOLDER holds the unpacked Debian packages libreoffice-help-en-us, libreoffice-help-de, fortunes and
fortunes-de (`dpkg-deb -x PACKAGE.deb FOLDER`). The rows are chosen by the SIB-200 train sentences,
the help texts and the 30,000 most frequent words of both languages by wordfreq. 1,000 sentences
that took no part in it (SIB-200 dev and test, and sayings from the fortune packages) are answered
before and after by a head for the SIB-200 topics that was trained on English.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import wordfreq

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.formats.starter_encoder import starter_encoder
from app.learn.advice.abstention import share
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import texts_of
from app.learn.inference import predict
from app.learn.network import Network
from app.methods.contract import MethodInput, MethodOutput
from app.methods.fine_tune.method import run as fine_tune
from app.methods.fine_tune.spec import FineTuneParameters
from app.methods.trim.method import run
from app.methods.trim.spec import TrimParameters
from app.settings import settings
from benchmarks.help_texts import lines
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages

ROWS = 65_000
WORDS = 30_000
SENTENCES = 1000
NAMES = {"en": "eng_Latn", "de": "deu_Latn"}
Evidence = dict[str, list[str]]


def main() -> None:
    """Cut, answer and write `results/trim.json`."""
    options = _options()
    started = time.monotonic()
    labels, languages = read_languages(options.data)
    read = {language.name: language for language in languages}
    sib = {code: read[name] for code, name in NAMES.items()}
    held_out = _held_out(sib, options.packages)
    source = _source(labels, sib["en"])
    with tempfile.TemporaryDirectory() as folder:
        before = _answers(_served(source, Path(folder) / "before"), held_out)
        evidence = _evidence(sib, options.packages)
        began = time.monotonic()
        output = _trim(source, evidence, ROWS)
        seconds = time.monotonic() - began
        after = _answers(_served(output.network, Path(folder) / "after"), held_out)
    record(
        "trim",
        {
            "seconds": round(time.monotonic() - started),
            "trim_seconds": round(seconds, 1),
            "evidence": {role: len(texts) for role, texts in evidence.items()},
            "report": output.report,
            "bytes": {"before": before["bytes"], "after": after["bytes"]},
            "held_out": _compare(before, after),
            "other_choices": _others(options.packages, sib, evidence, before, held_out),
        },
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True)
    return parser.parse_args()


def _source(labels: tuple[str, ...], english: Language) -> Network:
    """The starter encoder with a head for the topics."""
    network = _starter()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.add_head(labels)
    chosen = FineTuneParameters(strategy="head")
    given = MethodInput(network, chosen, train=english.train, validation=english.dev)
    return fine_tune(given, NullMonitor()).network


def _starter() -> Network:
    folder = starter_encoder(settings().data_dir)
    form = detect_format(folder)
    return form.load(folder, form.inspect(folder, ModelHints()))


def _served(network: Network, folder: Path) -> tuple[Network, Path]:
    """The network as read back from its file, which is what is served."""
    form = detect_format(starter_encoder(settings().data_dir))
    folder.mkdir()
    facts = form.inspect(starter_encoder(settings().data_dir), ModelHints())
    form.save(network, facts, folder)
    return form.load(folder, form.inspect(folder, ModelHints())), folder


def _answers(served: tuple[Network, Path], held_out: Evidence) -> dict[str, Any]:
    network, folder = served
    texts = [text for part in held_out.values() for text in part]
    return {
        "origins": [origin for origin, part in held_out.items() for _ in part],
        "probabilities": predict(network, texts),
        "pieces": _pieces(network, texts),
        "bytes": sum(file.stat().st_size for file in folder.iterdir()),
    }


def _pieces(network: Network, texts: list[str]) -> list[tuple[str, ...]]:
    vocabulary = network.vocabulary()
    encoded = vocabulary.tokenizer.encode_batch([vocabulary.prefix + text for text in texts])
    return [tuple(one.tokens) for one in encoded]


def _compare(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Shares of sentences whose label and whose pieces are the same, each with its interval."""
    first, then = before["probabilities"], after["probabilities"]
    label = first.argmax(axis=1) == then.argmax(axis=1)
    pieces = np.array([x == y for x, y in zip(before["pieces"], after["pieces"], strict=True)])
    moved = np.abs(first - then).max(axis=1)
    origins = np.array(before["origins"])
    return {
        "sentences": len(label),
        "same_label": share(int(label.sum()), len(label)),
        "same_pieces": share(int(pieces.sum()), len(pieces)),
        "same_pieces_by_origin": {
            origin: share(int(pieces[origins == origin].sum()), int((origins == origin).sum()))
            for origin in dict.fromkeys(before["origins"])
        },
        "largest_change_same_pieces": float(moved[pieces].max()),
        "largest_change": float(moved.max()),
    }


def _others(
    packages: Path,
    sib: dict[str, Language],
    evidence: Evidence,
    before: dict[str, Any],
    held_out: Evidence,
) -> list[dict[str, Any]]:
    """The same for other evidence and without filling up: what each part is worth."""
    few = {"unlabelled": texts_of(sib["de"].train.inputs)}
    few["source_unlabelled"] = texts_of(sib["en"].train.inputs)
    texts = [text for part in held_out.values() for text in part]
    told = []
    for name, given, rows in (
        ("all texts, nothing added", evidence, None),
        ("SIB-200 train alone, nothing added", few, None),
        ("SIB-200 train alone, filled up", few, ROWS),
    ):
        output = _trim(_starter(), given, rows)
        pieces = _pieces(output.network, texts)
        same = sum(x == y for x, y in zip(before["pieces"], pieces, strict=True))
        told.append(
            {
                "name": name,
                "rows": output.report["rows"]["after"],
                "same_pieces": share(same, len(texts)),
            }
        )
    return told


def _trim(network: Network, evidence: Evidence, rows: int | None) -> MethodOutput:
    return run(MethodInput(network, TrimParameters(rows=rows), **evidence), NullMonitor())


def _evidence(sib: dict[str, Language], packages: Path) -> Evidence:
    found = {}
    for role, code in (("unlabelled", "de"), ("source_unlabelled", "en")):
        words = wordfreq.top_n_list(code, WORDS)
        capitals = [word.capitalize() for word in words]
        help_texts = dict.fromkeys(lines(packages, code))
        found[role] = [*texts_of(sib[code].train.inputs), *help_texts, *words, *capitals]
    return found


def _held_out(sib: dict[str, Language], packages: Path) -> Evidence:
    """SIB-200 dev and test of both languages, and as many sayings of each as make 1,000."""
    found = {
        f"SIB-200 {code}": [*texts_of(x.dev.inputs), *texts_of(x.test.inputs)]
        for code, x in sib.items()
    }
    rest = SENTENCES - sum(map(len, found.values()))
    draw = np.random.default_rng(0)
    for code, folder in (("en", "fortunes"), ("de", "fortunes/de")):
        sayings = _sayings(packages / "usr/share/games" / folder)
        chosen = draw.choice(len(sayings), rest // 2, replace=False)
        found[f"sayings {code}"] = [sayings[i] for i in chosen]
    return found


def _sayings(folder: Path) -> list[str]:
    found: dict[str, None] = {}
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix == "" and "ascii" not in file.name:
            for part in file.read_text(encoding="utf-8", errors="ignore").split("\n%\n"):
                text = re.sub(r"\s+", " ", part).strip()
                if 30 < len(text) < 300:
                    found[text] = None
    return list(found)


if __name__ == "__main__":
    main()
