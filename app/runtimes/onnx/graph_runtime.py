"""A compiled graph as a Runtime: its description file, its inputs' preprocessing, its engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict
from tokenizers import Encoding, Tokenizer

from app.domain.enums import Task
from app.domain.models import ImageInput
from app.formats.huggingface.word_windows import SentenceWindow, sentence_windows
from app.learn.calibration import softmax
from app.runtimes.contract import Prepared
from app.runtimes.resources import tokenizer_bytes
from app.runtimes.windows import split_text

GRAPH_FILE = "graph.onnx"
WEIGHTS_FILE = "graph.weights"
TOKENIZER_FILE = "tokenizer.json"
_DESCRIPTION_FILE = "serving.json"
Feed = dict[str, np.ndarray]
_PATCH = 256  # pixels of a patch of 16 x 16


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextPreprocessing(_Frozen):
    """Texts, or sentences of words, for `tokenizer.json`; `prefix` stands before each text."""

    kind: Literal["text"] = "text"
    prefix: str


class ImagePreprocessing(_Frozen):
    """Images, as the graph's input `name` takes them.

    One of another size is scaled as `app.learn.data.images` does; with `mode` as a Hugging Face
    preparation does, whose `shortest` side it may name.
    """

    kind: Literal["image"] = "image"
    name: str
    shape: ImageInput
    mode: str | None = None
    shortest: int | None = None


class ServingDescription(_Frozen):
    """The whole file; the graph's output `logits` means what `task` says.

    `multiplied_bytes` are those of its weights but for tables, whose rows are looked up.
    """

    task: Task
    precision: str
    multiplied_bytes: int
    reading: TextPreprocessing | ImagePreprocessing


def write_description(description: ServingDescription, folder: Path) -> None:
    """Write it beside the graph."""
    text = description.model_dump_json(indent=1)
    (folder / _DESCRIPTION_FILE).write_text(text, encoding="utf-8")


def read_description(folder: Path) -> ServingDescription:
    """Read it from a compiled artifact's folder."""
    text = (folder / _DESCRIPTION_FILE).read_text(encoding="utf-8")
    return ServingDescription.model_validate_json(text)


class GraphEngine(Protocol):
    """An opened graph."""

    name: str  # onnxruntime, openvino
    precision: str  # float32, bfloat16, int8
    accepted: list[str]  # the names of the graph's inputs
    multiple: int  # tokens in a row should be a multiple of it

    @property
    def size_bytes(self) -> int:
        """What its weights hold in memory, as often as it was opened."""

    def logits(self, feed: Feed, threads: int) -> np.ndarray:
        """The output `logits`, float32, computed on at most `threads` processors.

        Several threads call it at once.
        """


class GraphRuntime:
    """Answers with a compiled graph on the processors of this machine."""

    def __init__(self, folder: Path, description: ServingDescription, engine: GraphEngine) -> None:
        self.engine = engine.name
        self.precision = engine.precision
        self._task = description.task
        self._engine = engine
        self._inputs = _preprocessor(description, folder, engine)

    @property
    def size_bytes(self) -> int:
        """What it holds; more once the engine was opened for several processors."""
        return self._engine.size_bytes + self._inputs.size_bytes

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """Texts and sentences with their number of tokens, images with their patches."""
        return self._inputs.prepare(inputs)

    def windows(self, text: str, stride: int) -> list[str]:
        """By the tokenizer beside the graph."""
        if not isinstance(self._inputs, TextPreprocessor):
            return [text]
        return self._inputs.windows(text, stride)

    def run(self, batch: Sequence[Prepared], threads: int) -> list[np.ndarray]:
        """Probabilities in order."""
        logits = self._engine.logits(self._inputs.feed(batch), threads)
        found = _probabilities(self._task, logits)
        if isinstance(self._inputs, WordPreprocessor):
            lengths = self._inputs.lengths(batch)
            return [one[:length] for one, length in zip(found, lengths, strict=True)]
        return list(found)


def _preprocessor(
    description: ServingDescription, folder: Path, engine: GraphEngine
) -> TextPreprocessor | WordPreprocessor | ImagePreprocessor:
    reading = description.reading
    if not isinstance(reading, TextPreprocessing):
        return ImagePreprocessor(reading)
    tokens = GraphTokenizer(
        folder / TOKENIZER_FILE, reading.prefix, engine.accepted, engine.multiple
    )
    words = description.task is Task.TOKEN_CLASSIFICATION
    return WordPreprocessor(tokens) if words else TextPreprocessor(tokens)


def _probabilities(task: Task, logits: np.ndarray) -> np.ndarray:
    if task is Task.MULTI_LABEL_CLASSIFICATION:
        # exp of a large number overflows; tanh never does.
        return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
    return softmax(logits).astype(np.float32)


class GraphTokenizer:
    """A tokenizer that truncates as its file says, and pads no further than a batch needs.

    That is to the next number of tokens that `multiple` divides, but not to more than the file
    allows.
    """

    def __init__(self, file: Path, prefix: str, accepted: Sequence[str], multiple: int) -> None:
        self.prefix = prefix
        self._tokenizer = Tokenizer.from_file(str(file))
        padding = self._tokenizer.padding or {}
        self._pad_id = int(padding.get("pad_id", 0))
        self.pads_left = padding.get("direction") == "left"
        self._with_types = "token_type_ids" in accepted
        self._tokenizer.no_padding()
        self._multiple = multiple
        self._most = int((self._tokenizer.truncation or {}).get("max_length", 0))

    @property
    def size_bytes(self) -> int:
        """What its tables hold in memory."""
        return tokenizer_bytes(self._tokenizer)

    def encode(self, texts: list[str]) -> list[Encoding]:
        """Each text with its prefix, truncated; offsets count from the prefix's start."""
        return self._tokenizer.encode_batch([self.prefix + text for text in texts])

    def feed(self, rows: Sequence[Encoding]) -> Feed:
        """`input_ids`, `attention_mask`, where wanted `token_type_ids`: int64 (n, width)."""
        width = self._width(max(len(one) for one in rows))
        ids = np.full((len(rows), width), self._pad_id, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        types = np.zeros((len(rows), width), dtype=np.int64)
        for row, one in enumerate(rows):
            place = slice(width - len(one), width) if self.pads_left else slice(0, len(one))
            ids[row, place], mask[row, place] = one.ids, 1
            if self._with_types:
                types[row, place] = one.type_ids
        feed = {"input_ids": ids, "attention_mask": mask}
        return feed | {"token_type_ids": types} if self._with_types else feed

    def _width(self, longest: int) -> int:
        rounded = -(-longest // self._multiple) * self._multiple
        return rounded if rounded <= self._most else longest


class TextPreprocessor:
    """Texts as tokens."""

    def __init__(self, tokens: GraphTokenizer) -> None:
        self._tokens = tokens

    @property
    def size_bytes(self) -> int:
        """Of the tokenizer's tables."""
        return self._tokens.size_bytes

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """Tokens of each text, their number, and whether there were more."""
        encoded = self._tokens.encode(list(inputs))
        return [Prepared(len(one), one, bool(one.overflowing)) for one in encoded]

    def windows(self, text: str, stride: int) -> list[str]:
        """The text in parts that are not cut."""
        return split_text(text, stride, self._tokens.prefix, self._tokens.encode)

    def feed(self, batch: Sequence[Prepared]) -> Feed:
        """The batch, padded to its longest text or a little further."""
        return self._tokens.feed([one.content for one in batch])


class WordPreprocessor:
    """Sentences as windows of tokens, and the places of the words' first tokens."""

    def __init__(self, tokens: GraphTokenizer) -> None:
        self._tokens = tokens

    @property
    def size_bytes(self) -> int:
        """Of the tokenizer's tables."""
        return self._tokens.size_bytes

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """The windows of each sentence; its cost is all their tokens."""
        by_sentence: list[list[SentenceWindow]] = [[] for _ in inputs]
        for window in sentence_windows(self._tokens, [tuple(words) for words in inputs]):
            by_sentence[window.sentence].append(window)
        return [Prepared(sum(len(one.tokens) for one in found), found) for found in by_sentence]

    def feed(self, batch: Sequence[Prepared]) -> Feed:
        """Tokens of all windows, and `first_tokens`, int64 (n, words), that counts through them."""
        rows: list[SentenceWindow] = [window for one in batch for window in one.content]
        feed = self._tokens.feed([window.tokens for window in rows])
        width = feed["input_ids"].shape[1]
        words = [one.content[-1].end for one in batch]
        first = np.full((len(batch), max(words)), -1, dtype=np.int64)
        sentences = [number for number, one in enumerate(batch) for _ in one.content]
        for row, (sentence, window) in enumerate(zip(sentences, rows, strict=True)):
            start = row * width + (width - len(window.tokens) if self._tokens.pads_left else 0)
            places = np.where(window.first < 0, -1, window.first + start)
            first[sentence, window.start : window.end] = places
        return feed | {"first_tokens": first}

    def lengths(self, batch: Sequence[Prepared]) -> list[int]:
        """Words of each sentence."""
        return [one.content[-1].end for one in batch]


class ImagePreprocessor:
    """Images as float32 pixels (channels, height, width) of the size that the graph takes."""

    size_bytes = 0

    def __init__(self, reading: ImagePreprocessing) -> None:
        self._reading = reading
        shape = reading.shape
        self._size = (shape.height, shape.width)
        self._cost = max(1, shape.height * shape.width // _PATCH)
        self._mean = np.array(shape.mean, dtype=np.float32).reshape(-1, 1, 1)
        self._deviation = np.array(shape.std, dtype=np.float32).reshape(-1, 1, 1)

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """Each image scaled to the graph's size and numbers."""
        return [Prepared(self._cost, self._pixels(one)) for one in inputs]

    def feed(self, batch: Sequence[Prepared]) -> Feed:
        """The images as one array."""
        return {self._reading.name: np.stack([one.content for one in batch])}

    def _pixels(self, image: np.ndarray) -> np.ndarray:
        if image.shape[1:] != self._size:
            return self._scaled(image)
        pixels: np.ndarray = (image.astype(np.float32) / 255 - self._mean) / self._deviation
        return pixels

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        import torch

        from app.formats.huggingface.image_processor import ImageProcessor
        from app.learn.data.images import prepare_pixels

        reading, one = self._reading, np.ascontiguousarray(image[None])
        if reading.mode is None:
            return np.asarray(prepare_pixels(one, reading.shape)[0])
        preparation = ImageProcessor(reading.shape, reading.shortest, reading.mode)
        return np.asarray(preparation.apply(torch.from_numpy(one))[0])
