"""From predictions to output tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic_core import to_json

from app.api.oip.tensors import Tensor
from app.domain.enums import Task
from app.domain.errors.open_inference import InferenceRequestInvalid, OutputUnknown
from app.domain.predictions import AnyPrediction, LabelSetPrediction, Prediction

# By a model's task: the name and datatype of its outputs, all with a row for each input.
OUTPUTS: dict[Task, dict[str, str]] = {
    Task.TEXT_CLASSIFICATION: {"label": "BYTES", "probabilities": "FP32"},
    Task.IMAGE_CLASSIFICATION: {"label": "BYTES", "probabilities": "FP32"},
    Task.MULTI_LABEL_CLASSIFICATION: {"labels": "BYTES", "probabilities": "FP32"},
    Task.TOKEN_CLASSIFICATION: {"tagged": "BYTES"},
}
_KNOWN = {name for outputs in OUTPUTS.values() for name in outputs}


@dataclass(frozen=True)
class WantedOutput:
    """An output that a request names.

    `binary` says whether it is sent as raw bytes, None as the request says for all. `classes` of
    the likeliest labels are written into text instead of all probabilities, unless it is 0.
    """

    name: str
    binary: bool | None = None
    classes: int = 0


def wanted_output(name: Any, parameters: dict[str, Any]) -> WantedOutput:
    """The output of a request; raises OutputUnknown and InferenceRequestInvalid.

    Which task the model has is not known yet: what no task gives is refused before it costs
    anything, the rest afterwards.
    """
    if name not in _KNOWN:
        raise OutputUnknown(str(name)[:100], _KNOWN)
    classes = parameters.get("classification") or 0
    if not isinstance(classes, int) or classes < 0:
        problem = "has a parameter `classification` that is no number"
        raise InferenceRequestInvalid(problem, "Send how many labels you want.")
    binary = parameters.get("binary_data")
    return WantedOutput(name, None if binary is None else bool(binary), classes)


def as_outputs(
    predictions: Sequence[AnyPrediction], wanted: Sequence[WantedOutput]
) -> list[Tensor]:
    """The wanted outputs in their order, or all of them; raises OutputUnknown."""
    makers = _makers(predictions[0])
    if not wanted:
        return [make(name, predictions) for name, make in makers.items()]
    for output in wanted:
        if output.name not in makers:
            raise OutputUnknown(output.name, makers)
    return [
        _likeliest(output, predictions)
        if output.classes and output.name == "probabilities"
        else makers[output.name](output.name, predictions)
        for output in wanted
    ]


def _makers(example: AnyPrediction) -> dict[str, Callable[[str, Any], Tensor]]:
    if isinstance(example, Prediction):
        return {"label": _label, "probabilities": _probabilities}
    if isinstance(example, LabelSetPrediction):
        return {"labels": _labels, "probabilities": _probabilities}
    return {"tagged": _tagged}


def _label(name: str, predictions: Sequence[Prediction]) -> Tensor:
    return _texts(name, [prediction.label for prediction in predictions])


def _labels(name: str, predictions: Sequence[LabelSetPrediction]) -> Tensor:
    return _texts(name, [to_json(prediction.labels) for prediction in predictions])


def _tagged(name: str, predictions: Sequence[Any]) -> Tensor:
    return _texts(name, [to_json(prediction) for prediction in predictions])


def _texts(name: str, elements: Sequence[bytes | str]) -> Tensor:
    return Tensor(name, "BYTES", (len(elements),), elements)


def _probabilities(name: str, predictions: Sequence[Any]) -> Tensor:
    rows = [list(prediction.probabilities.values()) for prediction in predictions]
    array = np.array(rows, dtype=np.float32)
    return Tensor(name, "FP32", array.shape, array)


def _likeliest(output: WantedOutput, predictions: Sequence[Any]) -> Tensor:
    """Triton's form of a class: its value, its number and its label, with colons between."""
    elements: list[str] = []
    for prediction in predictions:
        numbered = enumerate(prediction.probabilities.items())
        ranked = sorted(numbered, key=lambda entry: -entry[1][1])[: output.classes]
        elements += [f"{value:f}:{number}:{label}" for number, (label, value) in ranked]
    shape = (len(predictions), len(elements) // len(predictions))
    return Tensor(output.name, "BYTES", shape, elements)
