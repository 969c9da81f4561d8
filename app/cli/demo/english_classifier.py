"""What the demo's user already has: an English intent classifier on the starter encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from app.cli.demo.sentences import Row, SentenceSplit
from app.domain.enums import Format
from app.domain.models import ModelHints

if TYPE_CHECKING:
    from app.learn.data.examples import Examples

_SEED = 0


def train_english_classifier(
    starter: Path, sentences: SentenceSplit, file: Path, progress: Callable[[float], None]
) -> float:
    """Train a head on the starter encoder's sentence vectors; write the model, zipped, to `file`.

    Returns the accuracy on the English test rows. The body stays as it is (linear probing), so
    that the sentences are encoded only once.
    """
    from app.artifacts.archive import pack
    from app.formats.catalog import format_named
    from app.learn.devices import seeded
    from app.learn.inference import predict
    from app.methods.contract import MethodInput, method_named
    from app.methods.fine_tune.method import run

    layout = format_named(Format.HUGGINGFACE)
    facts = layout.inspect(starter, ModelHints())
    labels = tuple(sorted({row.intent for row in sentences.train}))
    network = layout.load(starter, facts)
    with seeded(_SEED):
        network.add_head(labels)
    train, test = _examples(sentences.train, labels), _examples(sentences.test, labels)
    parameters = method_named("fine-tune").parameters.model_validate({"strategy": "head"})
    trained = run(MethodInput(network, parameters, train, seed=_SEED), _Bar(progress)).network
    right = predict(trained, test.inputs).argmax(axis=1) == test.targets
    with TemporaryDirectory(dir=file.parent) as folder:
        layout.save(trained, facts, Path(folder))
        pack(Path(folder), file)
    return float(right.mean())


def _examples(rows: Sequence[Row], labels: tuple[str, ...]) -> Examples:
    from app.learn.data.examples import Examples

    return Examples(
        inputs=[row.text for row in rows],
        targets=np.array([labels.index(row.intent) for row in rows], dtype=np.int64),
        rows=np.arange(1, len(rows) + 1),
        groups=tuple(row.template for row in rows),
    )


class _Bar:
    """A Monitor that moves a progress bar; nobody can cancel but by Ctrl-C."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        self._progress = progress

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        self._progress(fraction)

    def event(self, kind: str, **data: Any) -> None:
        pass
