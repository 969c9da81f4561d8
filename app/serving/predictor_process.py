"""The predictor process: holds the models in memory and computes with them."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from app.artifacts.contract import Artifacts
from app.domain.enums import Task
from app.domain.serving import Servable
from app.runtimes.open_runtime import open_runtime
from app.runtimes.windows import pooled
from app.serving.frames import frame, frames
from app.serving.lanes import Lanes
from app.serving.messages import (
    Ask,
    Done,
    Drop,
    Failure,
    Load,
    MemoryFull,
    Message,
    Reply,
    State,
    Unload,
)
from app.serving.preparation import Preparation, in_words
from app.serving.processors import bounds_of, gpu_bytes_in_use
from app.serving.resident_models import Loaded, PinnedFull, ResidentModels
from app.serving.warm_up import warm_up
from app.serving.word_questions import WordQuestion, reply_to
from app.settings import Settings
from app.telemetry.logs import configure_logs

_log = logging.getLogger(__name__)


def run_predictor(settings: Settings, artifacts: Artifacts, channel: socket.socket) -> None:
    """Answer what comes through `channel` until the other side closes it."""
    # Ctrl-C reaches the whole process group, but when to stop is the API's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A text or two are tokenised sooner than threads wake up, which the lanes want to themselves.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    configure_logs(settings.log_format)
    # The API, which says who must come back later, goes first; transfers are behind both.
    os.nice(5)
    _Predictor(settings, artifacts, channel).serve()
    os._exit(0)  # lanes may still compute, for nobody


class _Predictor:
    def __init__(self, settings: Settings, artifacts: Artifacts, channel: socket.socket) -> None:
        self._settings = settings
        self._artifacts = artifacts
        self._channel = channel
        self._sending = threading.Lock()
        self._bounds = bounds_of(settings)
        self._models = ResidentModels(self._open, settings.model_memory_bytes)
        self._lanes = Lanes(self._bounds, self._send)
        self._preparation = Preparation(self._lanes, self._send, settings.max_predict_inputs)
        self._errands = ThreadPoolExecutor(2, "errand")

    def serve(self) -> None:
        """Take one message after the other; what takes long is done by other threads."""
        for number, message in frames(self._channel):
            if isinstance(message, Ask):
                self._ask(number, message)
            elif isinstance(message, Drop):
                self._lanes.drop(message.request)
            else:
                self._errands.submit(self._run, number, message)

    def _ask(self, number: int, ask: Ask) -> None:
        window = ask.window
        several = ask.servable.facts.task is Task.MULTI_LABEL_CLASSIFICATION
        pool = None if window is None else partial(pooled, pool=window.pool, several=several)
        self._lanes.expect(number, len(ask.inputs), pool)
        found = self._models.get(ask.servable)
        if found.done():
            self._queue(number, ask, found)
        else:
            found.add_done_callback(partial(self._queue, number, ask))

    def _queue(self, number: int, ask: Ask, found: Future[Loaded]) -> None:
        try:
            loaded = found.result()
        except Exception as error:
            if self._lanes.drop(number):
                self._send([(number, Failure(in_words(error)))])
            return
        self._preparation.add(loaded, number, ask)

    def _run(self, number: int, message: Message) -> None:
        try:
            reply = self._reply(message)
        except PinnedFull as full:
            reply = MemoryFull(full.needed, full.limit)
        except Exception as error:
            reply = Failure(in_words(error))
        self._send([(number, reply)])

    def _reply(self, message: Message) -> Reply:
        if isinstance(message, Load):
            self._models.load(message.servable, message.pinned)
            return Done()
        if isinstance(message, Unload):
            return Done(self._models.unload(message.model_id))
        if isinstance(message, WordQuestion):
            return reply_to(message, self._models)
        models, lanes = self._models, self._lanes
        return State(
            models.residents(), *lanes.waiting(), lanes.work, models.uses(), gpu_bytes_in_use()
        )

    def _open(self, servable: Servable) -> Loaded:
        # The threads that torch keeps for a thread that calls it end with that thread; while they
        # are there, those of the first lane do not wait awake for their work.
        with ThreadPoolExecutor(1, "opener") as passing:
            return passing.submit(self._open_here, servable).result()

    def _open_here(self, servable: Servable) -> Loaded:
        runtime = open_runtime(self._settings, self._artifacts, servable)
        if servable.facts.task is Task.FEATURE_EXTRACTION:
            return Loaded(servable, runtime)  # only its words are asked for
        threads = (self._bounds.threads_beside, self._bounds.threads_alone)
        return Loaded(servable, runtime, warm_up(runtime, servable.facts, threads))

    def _send(self, replies: list[tuple[int, Reply]]) -> None:
        packed = frame(replies)
        try:
            with self._sending:
                self._channel.sendall(packed)
        except OSError:
            _log.info("nobody reads the answers any more")
