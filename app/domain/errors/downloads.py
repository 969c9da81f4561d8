"""Errors about models that are downloaded in another form than they are kept in."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.errors import Conflict, InvalidInput, Overloaded


class ExportUnsupported(Conflict):
    """A model that is no text classifier of transformers, and so has no other form."""

    code = "export-unsupported"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model} is not exported: {reason}.",
            "Download it without `format`: its own file is complete.",
            model=model,
        )


class ModulesUnsupported(Conflict):
    """A model whose answers are more than modules of sentence-transformers can give."""

    code = "modules-unsupported"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model} cannot be written as modules of sentence-transformers: {reason}.",
            "Download it with `format=onnx`, which holds any head.",
            model=model,
            reason=reason,
        )


class LanguageNotInBridge(InvalidInput):
    """The shift of the model cannot be fixed to this language, or no language was named."""

    code = "language-not-in-bridge"

    def __init__(self, model: str, language: str | None, known: Sequence[str]) -> None:
        said = "no language was named" if language is None else f"`{language}` is none of them"
        shifted = f"shifts texts of {', '.join(known)}" if known else "shifts no language"
        choose = f"Add `language=`, one of: {', '.join(known)}." if known else "Leave it out."
        super().__init__(
            f"The model {model} {shifted}, and {said}.",
            choose,
            model=model,
            language=language,
            known=list(known),
        )


class ExportFailed(Conflict):
    """The exporter, or the comparison with the network, failed."""

    code = "export-failed"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model} could not be written in this form: {reason[:300]}.",
            "Download it without `format`, or ask the service, which answers with all of it.",
            model=model,
            reason=reason[:300],
        )


class ExportBusy(Overloaded):
    """An export is being made; one at a time is. `same`: it is the one that was asked for."""

    code = "export-busy"

    def __init__(self, retry_after: int, same: bool = False) -> None:
        super().__init__(
            "This model is being written in this form, since an earlier request."
            if same
            else "Another model, or another form of this one, is being written.",
            f"Send the request again in {retry_after} seconds"
            + (": what is being written is kept for it." if same else "."),
            retry_after,
        )
