"""Errors about models that are downloaded in another form than they are kept in."""

from __future__ import annotations

from app.domain.errors import Conflict, Overloaded


class ExportUnsupported(Conflict):
    """A model that cannot be written as one graph with a tokenizer beside it."""

    code = "export-unsupported"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model} is not exported to ONNX: {reason}.",
            "Download it without `format`: its own file is complete.",
            model=model,
        )


class ExportFailed(Conflict):
    """The exporter, or the comparison with the network, failed."""

    code = "export-failed"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model} could not be written as ONNX: {reason[:300]}.",
            "Download it without `format`, or ask the service, which answers with all of it.",
            model=model,
            reason=reason[:300],
        )


class ExportBusy(Overloaded):
    """Another export is being made; one at a time is."""

    code = "export-busy"

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "Another model is being written as ONNX.",
            f"Send the request again in {retry_after} seconds.",
            retry_after,
        )
