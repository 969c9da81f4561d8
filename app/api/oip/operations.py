"""The protocol's operations, for HTTP and gRPC alike: inference, metadata, model repository."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any

from app.api.oip.tensors import OUTPUTS, RequestedOutput, Tensor, as_outputs
from app.domain.enums import ModelStatus, Task
from app.domain.errors.predictions import InferenceRequestInvalid, ModelCannotPredict
from app.domain.models import ImageInput, Model, ModelFacts, Servable
from app.domain.predictions import PredictionOptions
from app.services.context import Context
from app.serving.dataplane import DataPlane
from app.serving.predictor import Predictor
from app.store import models

# More than so many bytes take long enough to read or write to be felt by other requests.
FEW_BYTES = 64 * 1024
SERVER_NAME = "babelport"
SERVER_VERSION = version("babelport-server")
EXTENSIONS = ("binary_tensor_data", "classification", "model_repository")
_PAGE = 200
_NOT_LOADED = "not in memory: the first request for it, or a load, brings it there"


@dataclass(frozen=True)
class InferRequest:
    """A request: `inputs` as the data plane takes them; no `outputs` means all."""

    inputs: list[Any]
    id: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    outputs: Sequence[RequestedOutput] = ()


@dataclass(frozen=True)
class InferResponse:
    """What was answered, and by which model."""

    model_name: str
    model_version: str
    id: str
    outputs: list[Tensor]


async def infer(
    dataplane: DataPlane, reference: str, request: InferRequest, options: PredictionOptions
) -> InferResponse:
    """Answer a request; raises what `DataPlane.predict` raises, and OutputUnknown."""
    response = await dataplane.predict(reference, request.inputs, _with_timeout(options, request))
    outputs = as_outputs(response.predictions, request.outputs)
    return InferResponse(response.model.name, str(response.model.version), request.id, outputs)


def reference_of(name: str, version: str) -> str:
    """How the rest of the service writes a model's name with a version or an alias."""
    return f"{name}@{version}" if version else name


def _with_timeout(options: PredictionOptions, request: InferRequest) -> PredictionOptions:
    """The options with the request's own `timeout`, microseconds from now, where it ends sooner."""
    timeout = request.parameters.get("timeout")
    if timeout is None:
        return options
    if not isinstance(timeout, int) or isinstance(timeout, bool) or timeout < 0:
        problem = "has a parameter `timeout` that is no number"
        raise InferenceRequestInvalid(problem, "Send it in whole microseconds.")
    if timeout == 0:
        return options
    deadline = time.monotonic() + timeout / 1e6
    return replace(options, deadline=min(deadline, options.deadline or deadline))


def server_metadata() -> dict[str, Any]:
    """Name, version and extensions."""
    return {"name": SERVER_NAME, "version": SERVER_VERSION, "extensions": list(EXTENSIONS)}


async def describe_model(context: Context, dataplane: DataPlane, reference: str) -> dict[str, Any]:
    """The metadata of the model that `reference` means; raises what finding it raises."""
    found, servable = await dataplane.servable(reference)

    def versions() -> list[int]:
        with context.readers() as session:
            return models.versions(session, found.name)

    return model_metadata(servable, await asyncio.to_thread(versions))


def model_metadata(model: Servable, versions: list[int]) -> dict[str, Any]:
    """Name, versions, platform, inputs and outputs; raises ModelCannotPredict.

    The first size of every shape is the number of inputs, any (-1). The labels, in the order of
    the probabilities, are a parameter of the output.
    """
    facts = predicting_facts(model)
    return {
        "name": model.name,
        "versions": [str(one) for one in versions],
        "platform": f"{SERVER_NAME}_{model.compiled.engine if model.compiled else 'torch'}",
        "inputs": [_input_metadata(facts)],
        "outputs": [_output_metadata(facts, *output) for output in OUTPUTS[facts.task].items()],
    }


def predicting_facts(model: Servable) -> ModelFacts:
    """The facts of a model that answers; raises ModelCannotPredict for an encoder."""
    if model.facts.task not in OUTPUTS:
        advice = "Start a transfer from it to train a head."
        raise ModelCannotPredict(model.name, "it is a plain encoder without labels", advice)
    return model.facts


def _input_metadata(facts: ModelFacts) -> dict[str, Any]:
    if not isinstance(facts.input, ImageInput):
        return {"name": "text", "datatype": "BYTES", "shape": [-1]}
    wanted = facts.input
    sides = [-1, -1] if wanted.resizes else [wanted.height, wanted.width]
    return {"name": "image", "datatype": "UINT8", "shape": [-1, wanted.channels, *sides]}


def _output_metadata(facts: ModelFacts, name: str, datatype: str) -> dict[str, Any]:
    shape = [-1, len(facts.labels)] if datatype == "FP32" else [-1]
    described: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
    if datatype == "FP32" or facts.task is Task.TOKEN_CLASSIFICATION:
        described["parameters"] = {"labels": list(facts.labels)}
    return described


@dataclass(frozen=True)
class IndexEntry:
    """A model that can answer; READY where it is in memory, UNAVAILABLE with a `reason`."""

    name: str
    version: str
    state: str
    reason: str


class ModelRepository:
    """Lists, loads and unloads models."""

    def __init__(self, context: Context, dataplane: DataPlane, predictor: Predictor) -> None:
        self._context = context
        self._dataplane = dataplane
        self._predictor = predictor

    async def index(self, ready_only: bool) -> list[IndexEntry]:
        """Every model that can answer, the newest first, or those in memory alone."""
        loaded = {resident.model_id for resident in await self._predictor.resident()}
        found = await asyncio.to_thread(self._answering)
        return [
            _index_entry(model, model.id in loaded)
            for model in found
            if model.id in loaded or not ready_only
        ]

    async def load(self, reference: str) -> None:
        """Have a model in memory, to stay until it is unloaded.

        Raises ModelNotFound, ModelCannotPredict and what `Predictor.load` raises.
        """
        _, servable = await self._dataplane.servable(reference)
        predicting_facts(servable)
        await self._predictor.load(servable, pinned=True)

    async def unload(self, reference: str) -> None:
        """Take a model out of memory, where it is there; raises ModelNotFound."""
        await self._predictor.unload((await self._dataplane.find(reference)).id)

    def _answering(self) -> list[Model]:
        found, cursor = [], None
        with self._context.readers() as session:
            while True:
                page = models.page(session, _PAGE, cursor, status=ModelStatus.READY)
                found += [one for one in page.items if one.facts and one.facts.task in OUTPUTS]
                cursor = page.next_cursor
                if cursor is None:
                    return found


def _index_entry(model: Model, loaded: bool) -> IndexEntry:
    state, reason = ("READY", "") if loaded else ("UNAVAILABLE", _NOT_LOADED)
    return IndexEntry(model.name, str(model.version), state, reason)
