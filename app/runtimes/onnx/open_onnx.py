"""A compiled artifact as a Runtime, which needs neither torch nor transformers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from app.domain.enums import Task
from app.learn.softmax import softmax
from app.runtimes.contract import Prepared
from app.runtimes.onnx.description import (
    GRAPH_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    ServingDescription,
    TextReading,
    read_description,
)
from app.runtimes.onnx.image_inputs import ImageInputs
from app.runtimes.onnx.session import open_session
from app.runtimes.onnx.text_inputs import ServedTokens, TextInputs
from app.runtimes.onnx.word_inputs import WordInputs


class OnnxRuntime:
    """Answers with ONNX Runtime on the processors of this machine.

    `folder` is what `export_network` wrote.
    """

    engine = "onnxruntime"

    def __init__(self, folder: Path) -> None:
        description = read_description(folder)
        self.precision = description.precision
        self.size_bytes = sum((folder / name).stat().st_size for name in _held(folder))
        self._task = description.task
        self._graph = folder / GRAPH_FILE
        self._session = open_session(self._graph, threads=1)
        self._wide: onnxruntime.InferenceSession | None = None
        self._widening = threading.Lock()
        accepted = [one.name for one in self._session.get_inputs()]
        self._inputs = _inputs(description, folder, accepted)

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """Texts and sentences with their number of tokens, images with their patches."""
        return self._inputs.prepare(inputs)

    def run(self, batch: Sequence[Prepared], threads: int) -> list[np.ndarray]:
        """Probabilities in order."""
        [logits] = self._session_of(threads).run(["logits"], self._inputs.feed(batch))
        found = _probabilities(self._task, logits)
        if isinstance(self._inputs, WordInputs):
            lengths = self._inputs.lengths(batch)
            return [one[:length] for one, length in zip(found, lengths, strict=True)]
        return list(found)

    def _session_of(self, threads: int) -> onnxruntime.InferenceSession:
        """The session for one processor, or another one for several, made when first asked for.

        In int8 one text takes no less time on several.
        """
        if threads == 1 or self.precision == "int8":
            return self._session
        with self._widening:
            if self._wide is None:
                self._wide = open_session(self._graph, threads)
        return self._wide


def open_onnx(folder: Path) -> OnnxRuntime:
    """Load what `export_network` wrote; quick, since most of it is mapped and not read."""
    return OnnxRuntime(folder)


def _held(folder: Path) -> list[str]:
    names = (GRAPH_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
    return [name for name in names if (folder / name).is_file()]


def _inputs(
    description: ServingDescription, folder: Path, accepted: Sequence[str]
) -> TextInputs | WordInputs | ImageInputs:
    reading = description.reading
    if not isinstance(reading, TextReading):
        return ImageInputs(reading)
    tokens = ServedTokens(folder / TOKENIZER_FILE, reading.prefix, accepted)
    words = description.task is Task.TOKEN_CLASSIFICATION
    return WordInputs(tokens) if words else TextInputs(tokens)


def _probabilities(task: Task, logits: np.ndarray) -> np.ndarray:
    if task is Task.MULTI_LABEL_CLASSIFICATION:
        # exp of a large number overflows; tanh never does.
        return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
    return softmax(logits).astype(np.float32)
