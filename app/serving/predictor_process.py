"""The predictor process: holds the models in memory and computes with them."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.artifacts.contract import Artifacts
from app.domain.enums import Task
from app.domain.models import ImageInput, ModelFacts, Servable
from app.runtimes.contract import Prepared, Runtime
from app.runtimes.open_runtime import open_runtime
from app.runtimes.resources import batches_at_once, usable_processors
from app.runtimes.windows import pool_windows
from app.serving.batcher import BatchCost, cost_from_batches
from app.serving.executor import BatchExecutor, ExecutorLimits, RequestTokenizer, failure_reason
from app.serving.messages import (
    CancelRequest,
    Done,
    Failure,
    LoadRequest,
    MemoryFull,
    PredictorReply,
    PredictorRequest,
    PredictRequest,
    StateReply,
    UnloadRequest,
    WordQuestion,
    encode_frame,
    read_frames,
)
from app.serving.model_cache import CachedModel, ModelCache, PinnedModelsFull
from app.serving.words import answer_word_question
from app.settings import Settings
from app.telemetry.logs import configure_logs

_log = logging.getLogger(__name__)
# More threads for one short text wait for each other longer than they save.
_MOST_EXCLUSIVE_THREADS = 4
_GPU_FILES = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))
_GPU_TOKENS, _CPU_TOKENS = 16384, 1024
# What a model is warmed up with: a batch of one and one of several, a few times.
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight") * 2
_WARM_UP_INPUTS = 8
_WARM_UP_REPETITIONS = 4


def run_predictor(settings: Settings, artifacts: Artifacts, channel: socket.socket) -> None:
    """Answer what comes through `channel` until the other side closes it."""
    # Ctrl-C reaches the whole process group, but when to stop is the API's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A text or two are tokenised sooner than threads wake up, and the workers need the processors.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    configure_logs(settings.log_format)
    # The API, which says who must come back later, goes first; transfers are behind both.
    os.nice(5)
    _PredictorProcess(settings, artifacts, channel).serve()
    os._exit(0)  # workers may still compute, for nobody


class _PredictorProcess:
    def __init__(self, settings: Settings, artifacts: Artifacts, channel: socket.socket) -> None:
        self._settings = settings
        self._artifacts = artifacts
        self._channel = channel
        self._sending = threading.Lock()
        self._limits = executor_limits(settings)
        self._models = ModelCache(self._open, settings.model_memory_bytes)
        self._executor = BatchExecutor(self._limits, self._send)
        self._tokenizer = RequestTokenizer(self._executor, self._send, settings.max_predict_inputs)
        self._control = ThreadPoolExecutor(2, "control")

    def serve(self) -> None:
        """Take one message after the other; what takes long is done by other threads."""
        for number, message in read_frames(self._channel):
            if isinstance(message, PredictRequest):
                self._predict(number, message)
            elif isinstance(message, CancelRequest):
                self._executor.drop(message.request)
            else:
                self._control.submit(self._run_control, number, message)

    def _predict(self, number: int, request: PredictRequest) -> None:
        window, pool = request.window, None
        if window is not None:
            multi_label = request.servable.facts.task is Task.MULTI_LABEL_CLASSIFICATION
            pool = partial(pool_windows, pool=window.pool, multi_label=multi_label)
        self._executor.expect(number, len(request.inputs), pool)
        found = self._models.get(request.servable)
        if found.done():
            self._tokenize(number, request, found)
        else:
            found.add_done_callback(partial(self._tokenize, number, request))

    def _tokenize(self, number: int, request: PredictRequest, found: Future[CachedModel]) -> None:
        try:
            loaded = found.result()
        except Exception as error:
            if self._executor.drop(number):
                self._send([(number, Failure(failure_reason(error)))])
            return
        self._tokenizer.add(loaded, number, request)

    def _run_control(self, number: int, message: PredictorRequest) -> None:
        try:
            reply = self._reply(message)
        except PinnedModelsFull as full:
            reply = MemoryFull(full.needed, full.limit)
        except Exception as error:
            reply = Failure(failure_reason(error))
        self._send([(number, reply)])

    def _reply(self, message: PredictorRequest) -> PredictorReply:
        if isinstance(message, LoadRequest):
            self._models.load(message.servable, message.pinned)
            return Done()
        if isinstance(message, UnloadRequest):
            return Done(self._models.unload(message.model_id))
        if isinstance(message, WordQuestion):
            return answer_word_question(message, self._models)
        models, executor = self._models, self._executor
        return StateReply(
            models.residents(),
            *executor.waiting(),
            executor.work,
            models.uses(),
            gpu_bytes_in_use(),
        )

    def _open(self, servable: Servable) -> CachedModel:
        # The threads that torch keeps for a thread that calls it end with that thread; while they
        # are there, those of the first worker do not wait awake for their work.
        with ThreadPoolExecutor(1, "opener") as opener:
            return opener.submit(self._open_in_this_thread, servable).result()

    def _open_in_this_thread(self, servable: Servable) -> CachedModel:
        runtime = open_runtime(self._settings, self._artifacts, servable)
        if servable.facts.task is Task.FEATURE_EXTRACTION:
            return CachedModel(servable, runtime)  # only its words are asked for
        threads = (self._limits.threads_shared, self._limits.threads_exclusive)
        return CachedModel(servable, runtime, warm_up(runtime, servable.facts, threads))

    def _send(self, replies: list[tuple[int, PredictorReply]]) -> None:
        packed = encode_frame(replies)
        try:
            with self._sending:
                self._channel.sendall(packed)
        except OSError:
            _log.info("the API process has closed the connection")


def executor_limits(settings: Settings) -> ExecutorLimits:
    """One worker on a GPU, which takes its work in a row; on CPUs one for each processor."""
    on_gpu = _has_gpu()
    processors = usable_processors()
    workers = 1 if on_gpu else batches_at_once()
    return ExecutorLimits(
        workers=workers,
        threads_shared=max(1, processors // workers),
        threads_exclusive=min(processors, _MOST_EXCLUSIVE_THREADS),
        batch_tokens=settings.batch_tokens or (_GPU_TOKENS if on_gpu else _CPU_TOKENS),
        age_seconds=settings.batch_age_seconds,
    )


def _has_gpu() -> bool:
    # Importing torch takes seconds and memory that compiled models do without.
    if not any(file.exists() for file in _GPU_FILES):
        return False
    import torch

    return torch.cuda.is_available()


def gpu_bytes_in_use() -> int | None:
    """What torch holds of the memory of this process's GPU; None where it has none."""
    # Not imported for this: ONNX Runtime does without it.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return int(torch.cuda.memory_reserved())


def warm_up(runtime: Runtime, facts: ModelFacts, threads: Sequence[int]) -> BatchCost:
    """Compute a small and a larger batch, a few times, on each number of `threads`.

    Returns what they cost on the first number, by the quickest of each.
    """
    batches = [runtime.prepare(_example_inputs(facts, n)) for n in (1, _WARM_UP_INPUTS)]
    for number in threads[1:]:
        for batch in batches:
            runtime.run(batch, number)
    # In turns, so that what else the machine does slows both.
    seconds = [
        [_seconds_of(runtime, batch, threads[0]) for batch in batches]
        for _ in range(_WARM_UP_REPETITIONS)
    ]
    small, large = (
        (len(batch) * max(one.cost for one in batch), min(times))
        for batch, times in zip(batches, zip(*seconds, strict=True), strict=True)
    )
    return cost_from_batches(small, large)


def _seconds_of(runtime: Runtime, batch: Sequence[Prepared], threads: int) -> float:
    began = time.monotonic()
    runtime.run(batch, threads)
    return time.monotonic() - began


def _example_inputs(facts: ModelFacts, count: int) -> list[Any]:
    if isinstance(facts.input, ImageInput):
        wanted = facts.input
        return [np.zeros((wanted.channels, wanted.height, wanted.width), np.uint8)] * count
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [_WORDS] * count
    return [" ".join(_WORDS)] * count
