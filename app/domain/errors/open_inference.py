"""Errors about requests of the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.errors import InvalidInput, Unavailable


class InferenceRequestInvalid(InvalidInput):
    """The request is not of the protocol's form."""

    code = "inference-request-invalid"

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"The inference request {problem}.", advice)


class TensorInvalid(InvalidInput):
    """A tensor contradicts itself, or is none that a model takes."""

    code = "tensor-invalid"

    def __init__(self, name: str, problem: str, advice: str) -> None:
        super().__init__(f"The tensor {name!r} {problem}.", advice, tensor=name)


class OutputUnknown(InvalidInput):
    """The request wants an output that the model does not give."""

    code = "output-unknown"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        outputs = sorted(known)
        super().__init__(
            f"There is no output {name!r}.",
            f"Ask for {' or '.join(outputs)}, or name no outputs to get them all.",
            output=name,
            known=outputs,
        )


class GrpcNotInstalled(Unavailable):
    """A port for gRPC is set, but its package is missing."""

    code = "grpc-not-installed"

    def __init__(self) -> None:
        super().__init__(
            "BABELPORT_GRPC_PORT is set, but gRPC is not installed.",
            'Install it: pip install "babelport[grpc]".',
        )
