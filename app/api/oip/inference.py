"""One inference, whatever carries it: tensors in, the data plane, tensors out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.api.oip.outputs import WantedOutput, as_outputs
from app.api.oip.tensors import Tensor
from app.domain.errors.open_inference import InferenceRequestInvalid
from app.domain.predictions import Terms
from app.serving.dataplane import DataPlane

# More than so many bytes take long enough to read or write to be felt by other requests.
FEW_BYTES = 64 * 1024


@dataclass(frozen=True)
class InferRequest:
    """What is asked: `inputs` as the data plane takes them; no `outputs` means all."""

    inputs: list[Any]
    id: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    outputs: Sequence[WantedOutput] = ()


@dataclass(frozen=True)
class InferAnswer:
    """What was answered, and by which model."""

    model_name: str
    model_version: str
    id: str
    outputs: list[Tensor]


async def infer(
    dataplane: DataPlane, reference: str, asked: InferRequest, terms: Terms
) -> InferAnswer:
    """Answer a request; raises what `DataPlane.predict` raises, and OutputUnknown."""
    answered = await dataplane.predict(reference, asked.inputs, _sooner(terms, asked))
    outputs = as_outputs(answered.predictions, asked.outputs)
    return InferAnswer(answered.model.name, str(answered.model.version), asked.id, outputs)


def reference_of(name: str, version: str) -> str:
    """How the rest of the service writes a model's name with a version or an alias."""
    return f"{name}@{version}" if version else name


def _sooner(terms: Terms, asked: InferRequest) -> Terms:
    """The terms with the request's own `timeout`, microseconds from now, where it ends sooner."""
    timeout = asked.parameters.get("timeout")
    if timeout is None:
        return terms
    if not isinstance(timeout, int) or isinstance(timeout, bool) or timeout < 0:
        problem = "has a parameter `timeout` that is no number"
        raise InferenceRequestInvalid(problem, "Send it in whole microseconds.")
    if timeout == 0:
        return terms
    deadline = time.monotonic() + timeout / 1e6
    return replace(terms, deadline=min(deadline, terms.deadline or deadline))
