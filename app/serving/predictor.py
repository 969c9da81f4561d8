"""The Predictor: answers for registered models without loading or computing in this process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from app.artifacts.contract import Artifacts
from app.domain.enums import Task
from app.domain.errors.predictions import (
    DeadlinePassed,
    ModelCannotPredict,
    ModelNotLoaded,
    ModelsMemoryFull,
    NothingToPredict,
    PredictorSilent,
    TooManyInputs,
    TooManyWindows,
)
from app.domain.models import ModelFacts, TextInput
from app.domain.predictions import MOST_WINDOWS, NO_TERMS, AnyPrediction, Terms
from app.domain.serving import BatchFacts, Resident, Servable
from app.services.servables import require_windows_fit
from app.serving.admission import Admission
from app.serving.answers import as_predictions
from app.serving.connection import Connection, connect
from app.serving.inputs import PreparedInputs, prepare_inputs
from app.serving.messages import (
    Ask,
    Done,
    Expired,
    Failure,
    Load,
    MemoryFull,
    Message,
    Probabilities,
    Reply,
    State,
    Tell,
    Unload,
    WindowsExceeded,
)
from app.serving.sentences import Sentence
from app.settings import Settings

# Fewer texts are looked at here and now: another thread takes longer to begin than they take.
_FEW_TEXTS = 16
# So long after a request's deadline the process may still say that it has passed.
_GRACE_SECONDS = 1.0
# What a request takes beside waiting and computing; beyond that a model was loaded.
_MOST_SECONDS_BESIDE = 0.25
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
        self, servable: Servable, inputs: list[Any], terms: Terms = NO_TERMS
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
        require_windows_fit(servable.facts, terms.window)
        with self.admission.admitted(terms, _places(servable.facts, inputs, terms)) as learn:
            began = time.monotonic()
            prepared = await _prepare(servable.facts, inputs)
            ask = Ask(servable, _as_sent(prepared), terms.deadline, terms.window)
            reply = await self._in_time(ask)
            if isinstance(reply, Expired):
                raise DeadlinePassed
            if isinstance(reply, WindowsExceeded):
                raise TooManyWindows(reply.position, reply.windows, reply.limit, reply.of_text)
            answer = _expected(reply, servable, Probabilities)
            learn(_without_loading(time.monotonic() - began, answer.batch))
        predictions = as_predictions(
            servable.facts,
            prepared,
            answer.of_inputs,
            servable.name,
            list(zip(answer.truncated, answer.windows, strict=True)),
        )
        return Predicted(predictions, answer.batch)

    async def load(self, servable: Servable, pinned: bool = False) -> None:
        """Have a model in memory and warm; a `pinned` one stays until it is unloaded.

        Raises ModelNotLoaded, ModelsMemoryFull, PredictorStopped and PredictorSilent: it may then
        come into memory later.
        """
        reply = await self.ask(Load(servable, pinned))
        if isinstance(reply, MemoryFull):
            raise ModelsMemoryFull(servable.name, reply.needed, reply.limit)
        _expected(reply, servable, Done)

    async def unload(self, model_id: str) -> bool:
        """Take a model out of memory; whether it was there."""
        if self._connection is None:
            return False
        reply = await self.ask(Unload(model_id))
        return isinstance(reply, Done) and reply.found

    async def state(self) -> State:
        """What is in memory and what waits; nothing where no process runs."""
        if self._connection is None:
            return State((), 0, 0)
        reply = await self.ask(Tell())
        return reply if isinstance(reply, State) else State((), 0, 0)

    async def resident(self) -> tuple[Resident, ...]:
        """The models in memory, the one used last at the end."""
        return (await self.state()).residents

    async def ask(self, message: Message) -> Reply:
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

    async def _in_time(self, ask: Ask) -> Reply:
        """The answer to inputs; Expired where none came in the request's own time."""
        if ask.deadline is None:
            return await self.ask(ask)
        left = max(0.0, ask.deadline - time.monotonic())
        try:
            async with asyncio.timeout(left + _GRACE_SECONDS):
                return await self.ask(ask)
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
    return min(seconds, batch.waited_seconds + batch.seconds + _MOST_SECONDS_BESIDE)


def _expected(reply: Reply, servable: Servable, kind: type[Any]) -> Any:
    if isinstance(reply, kind):
        return reply
    reason = reply.reason if isinstance(reply, Failure) else type(reply).__name__
    raise ModelNotLoaded(servable.name, reason)


def _places(facts: ModelFacts, inputs: list[Any], terms: Terms) -> int:
    """How many inputs a request counts as: with `window` about as many as it has windows."""
    if terms.window is None or not isinstance(facts.input, TextInput):
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
