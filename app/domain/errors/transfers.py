"""Errors about transfers."""

from __future__ import annotations

import signal

from app.domain.errors import BabelportError, Conflict, NotFound, TransferFailed


class TransferNotFound(NotFound):
    """No transfer by that id."""

    code = "transfer-not-found"

    def __init__(self, id: str) -> None:
        super().__init__(
            f"There is no transfer {id}.",
            "List the transfers and take an id from there.",
            id=id,
        )


class TransferInputsGone(Conflict):
    """A model or dataset was deleted between the request and its transfer."""

    code = "transfer-inputs-gone"

    def __init__(self, ids: list[str]) -> None:
        super().__init__(
            f"The transfer needs what is not here (any more): {', '.join(ids)}.",
            "Upload it again, or start the transfer with another model or dataset.",
            ids=ids,
        )


class TransferNotSteerable(Conflict):
    """A transfer is not in a state in which this can be asked of it."""

    code = "transfer-not-steerable"

    def __init__(self, id: str, state: str, wish: str) -> None:
        super().__init__(
            f"The transfer {id} is {state}: there is no way to {wish} it.",
            "Pause what is queued or running, resume what is paused, retry what failed or was "
            "cancelled; for anything else start a new transfer.",
            id=id,
            state=state,
        )


class NeededByTransfers(Conflict):
    """A model or dataset cannot be deleted while queued or running transfers use it."""

    code = "needed-by-transfers"

    def __init__(self, id: str, transfers: list[str]) -> None:
        super().__init__(
            f"{id} is needed by {len(transfers)} queued or running transfer(s).",
            "Wait until they end, or cancel them, and delete it then.",
            id=id,
            transfers=transfers,
        )


class LeaseLost(BabelportError):
    """A write by an attempt that does not hold its transfer or job any more; it wrote nothing."""

    code = "lease-lost"

    def __init__(self, transfer_id: str, attempt: int) -> None:
        super().__init__(
            f"Attempt {attempt} does not hold {transfer_id} any more.",
            "Stop the work: a later attempt has it, or it has ended.",
            transfer_id=transfer_id,
            attempt=attempt,
        )


class AttemptsExhausted(TransferFailed):
    """Every attempt allowed lost its worker before it ended."""

    code = "attempts-exhausted"

    def __init__(self, attempts: int) -> None:
        super().__init__(
            f"The worker was lost in each of {attempts} attempts.",
            "See the workers' logs: most often a machine ran out of memory or was switched off. "
            "Start it again when the cause is gone.",
            attempts=attempts,
        )


class ProcessDied(TransferFailed):
    """The process of a job ended without saying how the job ended."""

    code = "process-died"

    def __init__(self, status: int) -> None:
        """`status` as subprocess gives it: an exit code, or minus the number of a signal."""
        name = signal.Signals(-status).name if status < 0 else None
        how = f"was ended by {name}" if name else f"ended with exit code {status}"
        advice = "See the log of the attempt on the worker's machine."
        if name == "SIGKILL":
            advice = (
                "The system most often does this when memory runs out: take a larger "
                "machine, or for a transfer a smaller batch_size. " + advice
            )
        super().__init__(
            f"The process that did the work {how}.",
            advice,
            exit_code=None if name else status,
            signal=name,
        )
