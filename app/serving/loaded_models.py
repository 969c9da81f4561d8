"""The predictor process: holds the networks used last, and computes with them."""

from __future__ import annotations

import os
import signal
import threading
from collections import OrderedDict
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from typing import TYPE_CHECKING

import numpy as np

from app.artifacts.contract import Artifacts
from app.domain.errors import BabelportError
from app.domain.models import ModelFacts
from app.serving.sentences import Sentence
from app.serving.word_questions import WordQuestion, WordReply, reply_to
from app.settings import Settings

if TYPE_CHECKING:
    from app.learn.network import Network
    from app.serving.inputs import PreparedInputs

# So few inputs are computed in one thread: where a transfer trains on the same processors, several
# threads wait for each other at every layer, twenty times longer than the work takes.
_FEW = 8


@dataclass(frozen=True)
class PredictionOrder:
    """What the predictor process is asked: the model by its digest, and prepared inputs."""

    sha256: str
    facts: ModelFacts
    inputs: PreparedInputs


@dataclass(frozen=True)
class PredictionAnswer:
    """Probabilities, float32 (n, classes) or (n, words, classes), or why there are none.

    A failure comes as text: an exception that cannot be rebuilt on the other side of the pipe
    would break the pipe.
    """

    probabilities: np.ndarray | None = None
    failure: str = ""


class LoadedModels:
    """Networks by digest, at most `settings.loaded_models`; the one unused longest goes first."""

    def __init__(self, settings: Settings, artifacts: Artifacts) -> None:
        self._settings = settings
        self._artifacts = artifacts
        self._networks: OrderedDict[str, Network] = OrderedDict()
        self._threads = os.cpu_count() or 1

    def answer(self, order: PredictionOrder) -> np.ndarray:
        """Probabilities as `predict` gives them, in the order of the inputs."""
        import torch

        from app.learn.predicting import predict

        torch.set_num_threads(1 if len(order.inputs) <= _FEW else self._threads)
        network = self.network(order.sha256, order.facts)
        sentences = [one.words for one in order.inputs if isinstance(one, Sentence)]
        if sentences:
            return predict(network, sentences)
        probabilities = np.empty((len(order.inputs), len(network.labels)), np.float32)
        for positions, inputs in _alike(order.inputs):
            probabilities[positions] = predict(network, inputs)
        return probabilities

    def network(self, sha256: str, facts: ModelFacts) -> Network:
        """The network of a model, loaded where it is not here yet."""
        if sha256 not in self._networks:
            while len(self._networks) >= max(1, self._settings.loaded_models):
                self._networks.popitem(last=False)
            self._networks[sha256] = self._load(sha256, facts)
        self._networks.move_to_end(sha256)
        return self._networks[sha256]

    def _load(self, sha256: str, facts: ModelFacts) -> Network:
        from app.artifacts.folders import open_folder
        from app.formats.catalog import format_named
        from app.learn.devices import best_device

        limits = self._settings
        folder = open_folder(
            self._artifacts, sha256, limits.max_unpacked_bytes, limits.max_archive_members
        )
        return format_named(facts.format).load(folder, facts).to(best_device())


_loaded: LoadedModels | None = None


def start_process(settings: Settings, artifacts: Artifacts) -> None:
    """Prepare this process; the pool calls it once, before the first order."""
    global _loaded
    # Ctrl-C reaches the whole process group, but when to stop is the API's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _loaded = LoadedModels(settings, artifacts)


def answer_order(order: PredictionOrder) -> PredictionAnswer:
    """Answer one order in the predictor process; never raises."""
    assert _loaded is not None
    try:
        return PredictionAnswer(probabilities=_loaded.answer(order))
    except Exception as error:
        return PredictionAnswer(failure=_in_words(error))


def answer_words(question: WordQuestion) -> WordReply:
    """Answer a question about words in the predictor process; never raises."""
    assert _loaded is not None
    try:
        return reply_to(question, _loaded)
    except Exception as error:
        return WordReply(failure=_in_words(error))


def _in_words(error: Exception) -> str:
    name = error.code if isinstance(error, BabelportError) else type(error).__name__
    return f"{name}: {error}"


def _alike(inputs: PreparedInputs) -> list[tuple[list[int], list[str] | np.ndarray]]:
    """Inputs that fit into one array together: all texts, or the images of one shape."""
    if not inputs or isinstance(inputs[0], str):
        return [(list(range(len(inputs))), [str(text) for text in inputs])]
    by_shape: dict[tuple[int, ...], list[int]] = {}
    images = [np.asarray(image) for image in inputs]
    for position, image in enumerate(images):
        by_shape.setdefault(image.shape, []).append(position)
    return [(chosen, np.stack([images[i] for i in chosen])) for chosen in by_shape.values()]


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(0)
