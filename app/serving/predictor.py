"""The Predictor: answers for registered models without loading or computing in this process."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any, cast

import numpy as np

from app.artifacts.contract import Artifacts
from app.domain.enums import Task
from app.domain.errors.predictions import (
    DeadlinePassed,
    ModelCannotPredict,
    ModelNotLoaded,
    ModelsMemoryFull,
    NothingToPredict,
    PredictorSilent,
    PredictorStopped,
    TooManyInputs,
    TooManyWindows,
)
from app.domain.models import LoadedModel, ModelFacts, Servable, TextInput
from app.domain.predictions import (
    DEFAULT_OPTIONS,
    MOST_WINDOWS,
    AnyPrediction,
    BatchFacts,
    Entity,
    LabelSetPrediction,
    Prediction,
    PredictionOptions,
    TaggedPrediction,
    WordTag,
)
from app.learn.tasks.contract import require_finite
from app.services.models import require_windows_fit
from app.serving.admission import Admission
from app.serving.inputs import PreparedInputs, Sentence, prepare_inputs
from app.serving.messages import (
    CancelRequest,
    Done,
    Expired,
    Failure,
    FrameReader,
    LoadRequest,
    MemoryFull,
    PredictorReply,
    PredictorRequest,
    PredictReply,
    PredictRequest,
    StateReply,
    StateRequest,
    UnloadRequest,
    WindowsExceeded,
    encode_frame,
)
from app.serving.predictor_process import run_predictor
from app.settings import Settings

# So many texts are checked on the event loop: another thread takes longer to begin than they take.
_FEW_TEXTS = 16
# So long after a request's deadline the process may still say that it has passed.
_GRACE_SECONDS = 1.0
# What a request takes beside waiting and computing; beyond that a model was loaded.
_MOST_OVERHEAD_SECONDS = 0.25
# By which windows are foreseen: only the process that computes may tokenise.
_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True)
class Predicted:
    """One prediction for each input, in order, and the batch they were computed in."""

    predictions: list[AnyPrediction]
    batch: BatchFacts


class Predictor:
    """Predictions from one process of its own, started by the first request.

    The event loop neither loads nor computes, and a model that exhausts the memory ends that
    process alone: the next request gets a fresh one. Everything is called from one event loop.
    """

    def __init__(self, settings: Settings, artifacts: Artifacts) -> None:
        self._settings = settings
        self._artifacts = artifacts
        self._connection: asyncio.Task[Connection] | None = None
        self.admission = Admission(settings.max_waiting_inputs, settings.max_waiting_seconds)

    async def predict(
        self, servable: Servable, inputs: list[Any], options: PredictionOptions = DEFAULT_OPTIONS
    ) -> Predicted:
        """Texts, lists of words for a tagger, images as base64 PNG/JPEG or nested numbers.

        Raises ModelCannotPredict, NothingToPredict, TooManyInputs, UnusableInput,
        WindowUnusable, TooManyWindows, ImageOfAnotherShape, QueueFull, DeadlinePassed,
        ModelNotLoaded, PredictorStopped, PredictorSilent and AnswerNotFinite.
        Cancelling it takes what was not computed yet out of the queue.
        """
        if servable.facts.task is Task.FEATURE_EXTRACTION:
            advice = "Start a transfer from it to train a head."
            raise ModelCannotPredict(servable.name, "it is a plain encoder without labels", advice)
        if not inputs:
            raise NothingToPredict
        if len(inputs) > self._settings.max_predict_inputs:
            raise TooManyInputs(len(inputs), self._settings.max_predict_inputs)
        require_windows_fit(servable.facts, options.window)
        with self.admission.admitted(options, _places(servable.facts, inputs, options)) as learn:
            began = time.monotonic()
            prepared = await _prepare(servable.facts, inputs)
            reply = await self._ask_in_time(
                PredictRequest(servable, _as_sent(prepared), options.deadline, options.window)
            )
            if isinstance(reply, Expired):
                raise DeadlinePassed
            if isinstance(reply, WindowsExceeded):
                raise TooManyWindows(reply.position, reply.windows, reply.limit, reply.of_text)
            answer = _expected(reply, servable, PredictReply)
            learn(_without_loading(time.monotonic() - began, answer.batch))
        predictions = as_predictions(
            servable.facts,
            prepared,
            answer.probabilities,
            servable.name,
            list(zip(answer.truncated, answer.windows, strict=True)),
        )
        return Predicted(predictions, answer.batch)

    async def load(self, servable: Servable, pinned: bool = False) -> None:
        """Have a model in memory and warm; a `pinned` one stays until it is unloaded.

        Raises ModelNotLoaded, ModelsMemoryFull, PredictorStopped and PredictorSilent: it may then
        come into memory later.
        """
        reply = await self.ask(LoadRequest(servable, pinned))
        if isinstance(reply, MemoryFull):
            raise ModelsMemoryFull(servable.name, reply.needed, reply.limit)
        _expected(reply, servable, Done)

    async def unload(self, model_id: str) -> bool:
        """Take a model out of memory; whether it was there."""
        if self._connection is None:
            return False
        reply = await self.ask(UnloadRequest(model_id))
        return isinstance(reply, Done) and reply.found

    async def state(self) -> StateReply:
        """What is in memory and what waits; nothing where no process runs."""
        if self._connection is None:
            return StateReply((), 0, 0)
        reply = await self.ask(StateRequest())
        return reply if isinstance(reply, StateReply) else StateReply((), 0, 0)

    async def resident(self) -> tuple[LoadedModel, ...]:
        """The models in memory, the one used last at the end."""
        return (await self.state()).residents

    async def ask(self, message: PredictorRequest) -> PredictorReply:
        """Send a message to the process, started where it is not there.

        Raises PredictorStopped, and PredictorSilent after `predictor_seconds`: the process is told
        to drop the request, and what it answers later is for nobody.
        """
        seconds = self._settings.predictor_seconds
        try:
            async with asyncio.timeout(seconds):
                # Several that come while it starts wait for the same one, and do not cancel it.
                connection = await asyncio.shield(self._connected())
                return await connection.ask(message)
        except TimeoutError:
            raise PredictorSilent(seconds) from None

    async def _ask_in_time(self, request: PredictRequest) -> PredictorReply:
        """The reply to a request; Expired where none came before its deadline."""
        if request.deadline is None:
            return await self.ask(request)
        left = max(0.0, request.deadline - time.monotonic())
        try:
            async with asyncio.timeout(left + _GRACE_SECONDS):
                return await self.ask(request)
        except TimeoutError:
            return Expired()

    def close(self) -> None:
        """End the process; a later prediction starts another."""
        starting, self._connection = self._connection, None
        if starting is not None and starting.done() and starting.exception() is None:
            starting.result().close()

    def _connected(self) -> asyncio.Task[Connection]:
        found = self._connection
        lost = found is not None and found.done() and not _is_open(found)
        if found is None or lost:
            found = asyncio.create_task(connect(self._settings, self._artifacts))
            self._connection = found
        return found


def _is_open(task: asyncio.Task[Connection]) -> bool:
    return not task.cancelled() and task.exception() is None and task.result().is_open


def _without_loading(seconds: float, batch: BatchFacts) -> float:
    return min(seconds, batch.waited_seconds + batch.seconds + _MOST_OVERHEAD_SECONDS)


def _expected(reply: PredictorReply, servable: Servable, kind: type[Any]) -> Any:
    if isinstance(reply, kind):
        return reply
    reason = reply.reason if isinstance(reply, Failure) else type(reply).__name__
    raise ModelNotLoaded(servable.name, reason)


def _places(facts: ModelFacts, inputs: list[Any], options: PredictionOptions) -> int:
    """How many inputs a request counts as: with `window` about as many as it has windows."""
    if options.window is None or not isinstance(facts.input, TextInput):
        return len(inputs)
    characters = _CHARACTERS_A_TOKEN * facts.input.max_tokens
    return sum(
        min(MOST_WINDOWS, 1 + len(one) // characters) if isinstance(one, str | bytes) else 1
        for one in inputs
    )


async def _prepare(facts: ModelFacts, inputs: list[Any]) -> PreparedInputs:
    few = len(inputs) <= _FEW_TEXTS and all(isinstance(one, str) for one in inputs)
    if few and facts.task is not Task.IMAGE_CLASSIFICATION:
        return prepare_inputs(facts, inputs)
    return await asyncio.to_thread(prepare_inputs, facts, inputs)


def _as_sent(prepared: PreparedInputs) -> list[Any]:
    return [one.words if isinstance(one, Sentence) else one for one in prepared]


class Connection(asyncio.Protocol):
    """A predictor process and the requests that wait for its answers.

    When the process is gone, all of them get `PredictorStopped`.
    """

    def __init__(self, process: BaseProcess) -> None:
        self.process = process
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[PredictorReply]] = {}
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still be asked."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, message: PredictorRequest) -> PredictorReply:
        """Send a message and wait for its reply; cancelling this tells the process to drop it."""
        if not self.is_open or self._transport is None:
            raise PredictorStopped
        number = next(self._numbers)
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            self._transport.write(encode_frame((number, message)))
            return await waiting
        except asyncio.CancelledError:
            if self.is_open:
                self._transport.write(encode_frame((next(self._numbers), CancelRequest(number))))
            raise
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Let the process end; it does so when the socket closes."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not inherit it

    def data_received(self, data: bytes) -> None:
        """Called by the event loop; one frame holds the replies of one batch."""
        for replies in self._reader.feed(data):
            for number, reply in replies:
                waiting = self._waiting.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(PredictorStopped())


async def connect(settings: Settings, artifacts: Artifacts) -> Connection:
    """Start a predictor process and connect to it."""
    parent_socket, child_socket = socket.socketpair()
    # Spawned: a fork of a process with threads may hold locks that nobody releases.
    process = get_context("spawn").Process(
        target=run_predictor, args=(settings, artifacts, child_socket), daemon=True
    )
    try:
        await asyncio.to_thread(process.start)
    finally:
        child_socket.close()
    parent_socket.setblocking(False)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(process), sock=parent_socket)
    return connection


def as_predictions(
    facts: ModelFacts,
    inputs: PreparedInputs,
    probabilities: Sequence[np.ndarray],
    model: str,
    reading: Sequence[tuple[bool, int]],
) -> list[AnyPrediction]:
    """One prediction for each of `inputs`.

    `probabilities` has float32 (classes,), or (words, classes) for a tagger, for each input, and
    `reading` whether only part of it was read, and in how many windows.
    Raises AnswerNotFinite, which names `model` and the inputs.
    """
    require_finite(probabilities, f"The model {model}")
    if facts.task is Task.TOKEN_CLASSIFICATION:
        sentences = [one for one in inputs if isinstance(one, Sentence)]
        return [_tagged(facts, *pair) for pair in zip(sentences, probabilities, strict=True)]
    if facts.task is Task.MULTI_LABEL_CLASSIFICATION:
        return _label_sets(facts.labels, np.stack(probabilities), reading)
    return [
        _single(facts.labels, row.tolist(), *read)
        for row, read in zip(probabilities, reading, strict=True)
    ]


def _single(labels: tuple[str, ...], row: list[float], truncated: bool, windows: int) -> Prediction:
    likeliest = max(range(len(row)), key=row.__getitem__)
    return Prediction(labels[likeliest], dict(zip(labels, row, strict=True)), truncated, windows)


def _label_sets(
    labels: tuple[str, ...], probabilities: np.ndarray, reading: Sequence[tuple[bool, int]]
) -> list[AnyPrediction]:
    from app.learn.tasks.multi_label import MultiLabel

    predicted = MultiLabel(labels).predicted(probabilities)
    rows = zip(predicted, probabilities.tolist(), reading, strict=True)
    return [
        LabelSetPrediction(
            tuple(label for label, applies in zip(labels, applying, strict=True) if applies),
            dict(zip(labels, row, strict=True)),
            *read,
        )
        for applying, row, read in rows
    ]


def _tagged(facts: ModelFacts, sentence: Sentence, probabilities: np.ndarray) -> TaggedPrediction:
    """`probabilities`: float32 (words, tags)."""
    from app.learn.tasks.tagging import TagScheme

    scheme = TagScheme(facts.labels)
    tags = probabilities.argmax(axis=1)
    words = tuple(
        WordTag(word, facts.labels[tag], float(row[tag]), *span)
        for word, tag, row, span in zip(
            sentence.words, tags, probabilities, sentence.spans, strict=True
        )
    )
    entities = []
    for _, first, last, kind in scheme.entities(tags[None]).tolist():
        start, end = sentence.spans[first][0], sentence.spans[last][1]
        text = sentence.text[start:end]
        entities.append(Entity(scheme.types[kind], text, first, last, start, end))
    return TaggedPrediction(words, tuple(entities))
