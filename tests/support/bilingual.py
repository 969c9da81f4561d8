"""English-only classifiers and an encoder that knows German as well, made once and copied."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tokenizers import Tokenizer, normalizers

from app.learn.callbacks import NullMonitor
from app.learn.network import Network
from app.methods.contract import MethodInput
from app.methods.fine_tune.method import run as fine_tune
from app.methods.fine_tune.spec import FineTuneParameters
from tests.support.bridged_models import read_network, save_network
from tests.support.datasets import LABELS, PHRASES, labelled_examples
from tests.support.models import a_text_classifier, an_encoder

ENGLISH = labelled_examples(54, "en")
GERMAN = labelled_examples(54, "de")


def a_bilingual_encoder(folder: Path, seed: int = 7) -> Path:
    """An untrained encoder of width 32 for which German means the same as English.

    Its tokenizer replaces each German phrase of the test sentences by the English one and words
    that are in no English sentence: so the two languages differ by an offset of the vectors, as
    they do in real multilingual encoders.
    """
    an_encoder(folder, texts=[*ENGLISH.inputs, "jawohl"], prefix="", seed=seed)
    file = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    phrases = zip(PHRASES["de"], PHRASES["en"], strict=True)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(german, f"{english} jawohl jawohl")
            for german, english in phrases
            if german != english
        ]
    )
    tokenizer.save(str(file))
    return folder


def an_english_classifier(folder: Path) -> Path:
    """A sequence classifier of width 48 with a head of two layers, trained on English commands."""
    return Path(shutil.copytree(_classifier(), folder))


def an_english_encoder(folder: Path) -> Path:
    """An encoder of width 32 with a linear head, trained on English commands."""
    return Path(shutil.copytree(_encoder(), folder))


def a_bilingual_classifier(folder: Path) -> Path:
    """The bilingual encoder with a linear head trained on English commands alone."""
    return Path(shutil.copytree(_bilingual(), folder))


@lru_cache(maxsize=1)
def _classifier() -> Path:
    untrained = _folder() / "classifier-untrained"
    a_text_classifier(untrained, labels=LABELS, texts=ENGLISH.inputs, hidden_size=48)
    return _trained(untrained, "classifier", rate=1e-3, steps=200)


@lru_cache(maxsize=1)
def _encoder() -> Path:
    untrained = _folder() / "encoder-untrained"
    an_encoder(untrained, labels=LABELS, texts=ENGLISH.inputs, prefix="", seed=8)
    return _trained(untrained, "encoder")


@lru_cache(maxsize=1)
def _bilingual() -> Path:
    untrained = a_bilingual_encoder(_folder() / "bilingual-untrained")
    network = read_network(untrained)
    network.add_head(LABELS)
    return _trained(untrained, "bilingual", network)


def _trained(
    untrained: Path,
    name: str,
    network: Network | None = None,
    rate: float = 3e-3,
    steps: int = 60,
) -> Path:
    parameters = FineTuneParameters(strategy="full", learning_rate=rate, max_steps=steps)
    given = MethodInput(network or read_network(untrained), parameters, train=ENGLISH)
    save_network(fine_tune(given, NullMonitor()).network, untrained, _folder() / name)
    return _folder() / name


@lru_cache(maxsize=1)
def _temporary() -> TemporaryDirectory[str]:
    return TemporaryDirectory()


def _folder() -> Path:
    """Of this process; it goes when the process ends."""
    return Path(_temporary().name)
