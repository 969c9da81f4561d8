"""A language that is English in another spelling, so that a dictionary of it is complete."""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np

from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples, TextPairs, texts_of
from app.methods.contract import MethodInput
from app.methods.fine_tune.method import run
from app.methods.fine_tune.spec import FineTuneParameters
from tests.support.datasets import LABELS, labelled_examples
from tests.support.tokenizers import a_classifier_reading, a_tokenizer


def ciphered(texts: list[str]) -> list[str]:
    """Each letter replaced by the one 13 places on."""
    return [codecs.encode(text, "rot13") for text in texts]


def english() -> Examples:
    """Commands in English."""
    return labelled_examples(54, "en")


def commands_in_cipher() -> Examples:
    """The same commands in the other spelling."""
    rows = english()
    return Examples(ciphered(texts_of(rows.inputs)), rows.targets, rows.rows)


def words() -> TextPairs:
    """Every word of the commands with its other spelling."""
    found = sorted({word for text in texts_of(english().inputs) for word in text.split()})
    return TextPairs(tuple(found), tuple(ciphered(found)))


def an_english_classifier(folder: Path, kind: str = "wordpiece") -> Path:
    """A tiny classifier that was trained on the English commands."""
    form, rows, first = HuggingFaceFormat(), english(), folder.with_name(f"{folder.name}-untrained")
    a_classifier_reading(first, a_tokenizer(kind, texts_of(rows.inputs)))
    facts = form.inspect(first, ModelHints())
    parameters = FineTuneParameters(max_steps=200, learning_rate=3e-3)
    train = Examples(rows.inputs, np.array(rows.targets), rows.rows)
    given = MethodInput(form.load(first, facts), parameters, train=train)
    folder.mkdir(parents=True)
    form.save(run(given, NullMonitor()).network, facts, folder)
    assert facts.labels == LABELS
    return folder
