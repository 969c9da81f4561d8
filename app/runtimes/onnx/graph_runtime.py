"""A compiled artifact as a Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.domain.enums import Task
from app.learn.softmax import softmax
from app.runtimes.contract import Prepared
from app.runtimes.onnx.description import (
    TOKENIZER_FILE,
    ServingDescription,
    TextReading,
)
from app.runtimes.onnx.graph_engine import GraphEngine
from app.runtimes.onnx.image_inputs import ImageInputs
from app.runtimes.onnx.text_inputs import ServedTokens, TextInputs
from app.runtimes.onnx.word_inputs import WordInputs


class GraphRuntime:
    """Answers with a compiled graph on the processors of this machine."""

    def __init__(self, folder: Path, description: ServingDescription, engine: GraphEngine) -> None:
        self.engine = engine.name
        self.precision = engine.precision
        self._task = description.task
        self._engine = engine
        self._inputs = _inputs(description, folder, engine)

    @property
    def size_bytes(self) -> int:
        """What it holds; more once the engine was opened for several processors."""
        return self._engine.size_bytes + self._inputs.size_bytes

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """Texts and sentences with their number of tokens, images with their patches."""
        return self._inputs.prepare(inputs)

    def windows(self, text: str, stride: int) -> list[str]:
        """By the tokenizer beside the graph."""
        if not isinstance(self._inputs, TextInputs):
            return [text]
        return self._inputs.windows(text, stride)

    def run(self, batch: Sequence[Prepared], threads: int) -> list[np.ndarray]:
        """Probabilities in order."""
        logits = self._engine.logits(self._inputs.feed(batch), threads)
        found = _probabilities(self._task, logits)
        if isinstance(self._inputs, WordInputs):
            lengths = self._inputs.lengths(batch)
            return [one[:length] for one, length in zip(found, lengths, strict=True)]
        return list(found)


def _inputs(
    description: ServingDescription, folder: Path, engine: GraphEngine
) -> TextInputs | WordInputs | ImageInputs:
    reading = description.reading
    if not isinstance(reading, TextReading):
        return ImageInputs(reading)
    tokens = ServedTokens(folder / TOKENIZER_FILE, reading.prefix, engine.accepted, engine.multiple)
    words = description.task is Task.TOKEN_CLASSIFICATION
    return WordInputs(tokens) if words else TextInputs(tokens)


def _probabilities(task: Task, logits: np.ndarray) -> np.ndarray:
    if task is Task.MULTI_LABEL_CLASSIFICATION:
        # exp of a large number overflows; tanh never does.
        return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
    return softmax(logits).astype(np.float32)
