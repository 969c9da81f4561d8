"""What the server and its models say of themselves in the Open Inference Protocol."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

from app.api.oip.outputs import OUTPUTS
from app.domain.enums import Task
from app.domain.errors.predictions import ModelCannotPredict
from app.domain.models import ImageInput, ModelFacts
from app.domain.serving import Servable
from app.services.context import Context
from app.serving.dataplane import DataPlane
from app.store import models

SERVER_NAME = "babelport"
SERVER_VERSION = version("babelport")
EXTENSIONS = ("binary_tensor_data", "classification", "model_repository")


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
        "inputs": [_input(facts)],
        "outputs": [_output(facts, *output) for output in OUTPUTS[facts.task].items()],
    }


def predicting_facts(model: Servable) -> ModelFacts:
    """The facts of a model that answers; raises ModelCannotPredict for an encoder."""
    if model.facts.task not in OUTPUTS:
        advice = "Start a transfer from it to train a head."
        raise ModelCannotPredict(model.name, "it is a plain encoder without labels", advice)
    return model.facts


def _input(facts: ModelFacts) -> dict[str, Any]:
    if not isinstance(facts.input, ImageInput):
        return {"name": "text", "datatype": "BYTES", "shape": [-1]}
    wanted = facts.input
    sides = [-1, -1] if wanted.resizes else [wanted.height, wanted.width]
    return {"name": "image", "datatype": "UINT8", "shape": [-1, wanted.channels, *sides]}


def _output(facts: ModelFacts, name: str, datatype: str) -> dict[str, Any]:
    shape = [-1, len(facts.labels)] if datatype == "FP32" else [-1]
    described: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
    if datatype == "FP32" or facts.task is Task.TOKEN_CLASSIFICATION:
        described["parameters"] = {"labels": list(facts.labels)}
    return described
