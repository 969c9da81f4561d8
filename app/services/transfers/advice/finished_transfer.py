"""What advice is given on: the work of a transfer that is done and not recorded yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.artifacts.archive import open_folder
from app.domain.enums import Task
from app.domain.transfers import TransferSpec
from app.learn.callbacks import Monitor
from app.learn.data.examples import Examples, Inputs, concatenate_examples, take_inputs
from app.learn.vector_cache import VectorCache
from app.services.context import Context
from app.services.transfers.inputs import TransferInputs, load_network
from app.services.transfers.partition import HeldOut
from app.services.transfers.score import ComparedAnswers
from app.services.transfers.train import Repeat

if TYPE_CHECKING:
    from app.learn.network import Network


_ONE_LABEL = (Task.TEXT_CLASSIFICATION, Task.IMAGE_CLASSIFICATION)
MAX_ROWS = 2000
_PILOT_ROWS = 32


@dataclass
class FinishedTransfer:
    """The rows, the answers and the two networks, `served` being the transferred one.

    `folder` is where its file lies unpacked. Vectors of rows are computed at the first use
    of an encoder, within `seconds` for all of them.
    """

    context: Context
    spec: TransferSpec
    inputs: TransferInputs
    held_out: HeldOut
    best: Repeat
    compared: ComparedAnswers
    served: Network
    folder: Path
    monitor: Monitor
    seconds: float

    def __post_init__(self) -> None:
        self._encoders: dict[str, RowEncoder] = {}

    @property
    def single_label(self) -> bool:
        """Whether the model gives each text or image one label of several."""
        return self.inputs.facts.task in _ONE_LABEL

    @property
    def text(self) -> bool:
        """Whether inputs are texts, not images."""
        return self.inputs.facts.task is not Task.IMAGE_CLASSIFICATION

    @property
    def source_language(self) -> str:
        """The BCP-47 tag of the source rows."""
        return self.inputs.model.languages[0]

    def labelled(self) -> Examples | None:
        """The target rows that the method had labels of: training and validation.

        Equal group ids name the same sentence, whichever dataset they stand in.
        """
        train, validation = self.best.partition.train, self.best.partition.validation
        if train is None or validation is None:
            return train if validation is None else validation
        groups = [part.groups or ("",) * len(part) for part in (train, validation)]
        grouped = train.groups is not None or validation.groups is not None
        return replace(
            concatenate_examples(train, validation), groups=sum(groups, ()) if grouped else None
        )

    def source_folder(self) -> Path:
        """The source model's file, unpacked."""
        settings, digest = self.context.settings, self.inputs.model.sha256
        assert digest is not None, "its network was loaded before"
        return open_folder(
            self.context.artifacts,
            digest,
            settings.max_unpacked_bytes,
            settings.max_archive_members,
        )

    def source_encoder(self) -> RowEncoder:
        """Of the untouched source model."""
        self._open_encoders()
        return self._encoders["source"]

    def transferred_encoder(self) -> RowEncoder:
        """Of the transferred model; the same encoder where its body was left as it is."""
        self._open_encoders()
        return self._encoders["transferred"]

    def _open_encoders(self) -> None:
        if self._encoders:
            return
        network = load_network(self.context, self.inputs, self.spec.seed)
        rows = self.labelled() or self.held_out.test
        kept = rows is not None and encode_alike(network, self.served, rows.inputs, self.monitor)
        each = self.seconds if kept else self.seconds / 2
        rest = self.context.vectors, each, self.spec.seed, self.monitor
        source = RowEncoder(network, *rest)
        transferred = source if kept else RowEncoder(self.served, *rest)
        self._encoders = {"source": source, "transferred": transferred}

    def language_encoder(self) -> RowEncoder:
        """The encoder to compare languages with: the source model's unless the body was replaced.

        A body that was trained on these labels would draw rows of one label together.
        """
        return self.transferred_encoder() if self.best.output.rebuilt else self.source_encoder()

    def source_rows(self) -> Examples | None:
        """Labelled rows of the source language."""
        source = self.held_out.source
        return self.held_out.source_test if source is None else source


def deadline(seconds: float) -> float:
    """The moment, by `time.monotonic`, until which work may begin."""
    return time.monotonic() + seconds


@dataclass(frozen=True)
class EncodedRows:
    """Vectors float32 (k, width), and the positions (int (k,), rising) of the rows they are of."""

    positions: np.ndarray
    vectors: np.ndarray


class NoRowVectors(Exception):
    """The network's features are not one vector for each row."""


class RowEncoder:
    """The vectors that one network makes; each part of the rows is encoded once.

    A part takes at most half of what is left of `seconds`, so the first gets the most: a few rows
    tell how many can be afforded, and these are drawn at random by `seed`.
    """

    def __init__(
        self, network: Network, cache: VectorCache, seconds: float, seed: int, monitor: Monitor
    ) -> None:
        self.network = network
        self._cache = cache
        self._left = seconds
        self._seed = seed
        self._monitor = monitor
        self._kept: dict[str, EncodedRows] = {}

    def encode(self, part: str, inputs: Inputs) -> EncodedRows:
        """The vectors of a part of the rows, which `part` names; raises `NoRowVectors`."""
        if part not in self._kept:
            self._kept[part] = self._encode_sample(inputs)
        return self._kept[part]

    def _encode_sample(self, inputs: Inputs) -> EncodedRows:
        order = np.random.default_rng(self._seed).permutation(len(inputs))[:MAX_ROWS]
        began = time.monotonic()
        pilot = self._vectors_of(inputs, order[:_PILOT_ROWS])
        took = max(time.monotonic() - began, 1e-6)
        affordable = int(_PILOT_ROWS * (self._left / 2 - took) / took)
        chosen = order[: _PILOT_ROWS + max(affordable, 0)]
        rest = self._vectors_of(inputs, chosen[_PILOT_ROWS:])
        self._left -= time.monotonic() - began
        back = np.argsort(chosen, kind="stable")
        return EncodedRows(
            chosen[back], np.concatenate([pilot, rest])[back] if len(rest) else pilot[back]
        )

    def _vectors_of(self, inputs: Inputs, positions: np.ndarray) -> np.ndarray:
        return _vectors(self.network, take_inputs(inputs, positions), self._cache, self._monitor)


def encode_alike(one: Network, other: Network, inputs: Inputs, monitor: Monitor) -> bool:
    """Whether two networks make the same vectors of the first rows; raises `NoRowVectors`."""
    inputs = take_inputs(inputs, np.arange(min(8, len(inputs))))
    first, second = (_vectors(network, inputs, None, monitor) for network in (one, other))
    return first.shape == second.shape and np.allclose(first, second, atol=1e-3)


def _vectors(
    network: Network, inputs: Inputs, cache: VectorCache | None, monitor: Monitor
) -> np.ndarray:
    """Float32 (n, width), computed where that is quickest or found in the cache."""
    from app.learn.devices import best_device
    from app.learn.inference import encode

    if not len(inputs):
        return np.empty((0, 0), dtype=np.float32)
    try:
        features = encode(network.to(best_device()), inputs, cache, monitor)
    finally:
        network.cpu()
    if features is None or network.objective.per_word:
        raise NoRowVectors
    vectors: np.ndarray = features.flatten(1).float().cpu().numpy()
    return vectors
