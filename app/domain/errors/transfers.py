"""Errors about transfers: what they ask for, the rows they read, and how a job ends."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from app.domain.enums import DatasetKind, Role, Task
from app.domain.errors import BabelportError, Conflict, InvalidInput, NotFound, TransferFailed


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


class TransferActionNotAllowed(Conflict):
    """A transfer is not in a state that allows the action."""

    code = "transfer-action-not-allowed"

    def __init__(self, id: str, state: str, action: str) -> None:
        super().__init__(
            f"The transfer {id} is {state}: the action `{action}` is not possible.",
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
    """A write by an attempt that does not hold its job any more; it wrote nothing."""

    code = "lease-lost"

    def __init__(self, job_id: str, attempt: int) -> None:
        super().__init__(
            f"Attempt {attempt} does not hold {job_id} any more.",
            "Stop the work: a later attempt has it, or it has ended.",
            job_id=job_id,
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


class InternalFailure(TransferFailed):
    """Something went wrong that nobody foresaw."""

    code = "internal-error"

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            f"The work ended with {type(error).__name__}: {str(error)[:300]}",
            "The whole traceback is in the attempt's log on the worker's machine. Please report "
            "it, with what was asked for.",
            error=type(error).__name__,
        )


class OutOfMemory(TransferFailed):
    """The work did not fit into memory."""

    code = "out-of-memory"

    def __init__(self) -> None:
        super().__init__(
            "The work needs more memory than there is.",
            "For a transfer choose a smaller batch_size, or the strategy `head`, which trains the "
            "head alone; otherwise a larger machine.",
        )


class NothingToTrainOn(TransferFailed):
    """Every training row would give away a test row."""

    code = "nothing-to-train-on"

    def __init__(self, role: str, dropped: int) -> None:
        super().__init__(
            f"No {role} row is left: all {dropped} share a group or their content with held-out "
            "rows.",
            "Give a training and a test dataset that do not hold the same rows.",
            role=role,
            dropped=dropped,
        )


class SourceImageShapesDiffer(TransferFailed):
    """Source and target images cannot stand in one batch."""

    code = "image-shapes-differ"

    def __init__(self, target: tuple[int, ...], source: tuple[int, ...]) -> None:
        super().__init__(
            f"Target images are {_by(target)}, source images {_by(source)} (channels x height x "
            "width); a batch holds images of one shape.",
            "Scale one of the datasets to the shape of the other.",
            target=list(target),
            source=list(source),
        )


class RecordRejected(InvalidInput):
    """The model or dataset named did not pass validation."""

    code = "record-rejected"

    def __init__(self, identifier: str) -> None:
        super().__init__(
            f"{identifier} was rejected when it was uploaded.",
            "Read its `rejection`, correct the file and upload it again.",
            id=identifier,
        )


class ParametersInvalid(InvalidInput):
    """The parameters do not fit the method's schema; `errors` names each, as `explain_fields`."""

    code = "parameters-invalid"

    def __init__(self, method: str, errors: list[dict[str, str]]) -> None:
        said = " ".join(error["message"] for error in errors)
        advice = " ".join(dict.fromkeys(error["advice"] for error in errors))
        super().__init__(
            f"The parameters of {method} are not valid. {said}",
            f"{advice} GET /v1/methods/{method} shows their schema.",
            method=method,
            errors=errors,
        )


class RolesInvalid(InvalidInput):
    """A dataset that the method needs is missing, or one is given that it does not read."""

    code = "roles-invalid"

    def __init__(self, method: str, missing: list[Role], unknown: list[Role]) -> None:
        said = [f"needs a dataset in {_roles(missing)}"] if missing else []
        said += [f"does not read {_roles(unknown)}"] if unknown else []
        example = ", ".join(f'"{role}": "dst_..."' for role in missing)
        todo = f"Add it to `datasets`: {{{example}}}, or in a form as a file. " if missing else ""
        todo += f"Leave {' and '.join(f'`{role}`' for role in unknown)} out. " if unknown else ""
        super().__init__(
            f"{method} {' and '.join(said)}.",
            f"{todo}GET /v1/methods/{method} lists the roles it needs and takes.",
            method=method,
            missing=list(missing),
            unknown=list(unknown),
        )


class NoRoleOf(InvalidInput):
    """The method needs one of several datasets, and none of them is given."""

    code = "no-role-of"

    def __init__(self, method: str, roles: list[Role]) -> None:
        super().__init__(
            f"{method} needs a dataset in at least one of {_roles(roles)}.",
            f"Add one of them to `datasets`; GET /v1/methods/{method} says what each is for.",
            method=method,
            one_of=list(roles),
        )


class SampleNeedsTrain(InvalidInput):
    """A sample was asked for of training rows that are not given."""

    code = "sample-needs-train"

    def __init__(self) -> None:
        super().__init__(
            "A sample is drawn from training rows, but no dataset has the role `train`.",
            "Give one, or leave `sample` out.",
        )


class LanguageDiffers(InvalidInput):
    """A dataset of the target language is registered under another language."""

    code = "language-differs"

    def __init__(self, role: Role, language: str, target: str) -> None:
        super().__init__(
            f"The dataset in the role `{role}` is registered as `{language}`, but the transfer "
            f"goes to `{target}`.",
            "Name a dataset of the target language, or upload this one again under its language.",
            role=role,
            language=language,
            target=target,
        )


class MethodUnfit(InvalidInput):
    """The method cannot work on this model."""

    code = "method-unfit"

    def __init__(self, method: str, what: str) -> None:
        super().__init__(
            f"{method} does not take {what}.",
            f"GET /v1/methods/{method} lists the tasks and formats it takes.",
            method=method,
        )


class KindUnfit(InvalidInput):
    """Texts for a model of images, or the other way round."""

    code = "kind-unfit"

    def __init__(
        self, role: Role, kind: DatasetKind, task: Task, fitting: Sequence[DatasetKind]
    ) -> None:
        kinds = " or ".join(f"`{one}`" for one in fitting)
        super().__init__(
            f"The dataset in the role `{role}` is of the kind `{kind}`, which does not fit this "
            f"role and a {task} model.",
            f"Give a dataset of the kind {kinds}; where the file holds such rows, send it again "
            "with that `kind`.",
            role=role,
            kind=kind,
            task=task,
            fitting=list(fitting),
        )


class ImageShapeUnfit(InvalidInput):
    """Images of another shape than the model takes."""

    code = "image-shape-unfit"

    def __init__(self, role: Role, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        super().__init__(
            f"The {role} images are {_by(found)}, but the model takes {_by(wanted)} "
            "(channels x height x width).",
            "Scale the images to the model's shape before uploading them.",
            role=role,
            found=list(found),
            wanted=list(wanted),
        )


class TooFewRows(InvalidInput):
    """There is not enough data for the splits and samples asked for."""

    code = "too-few-rows"

    def __init__(self, rows: int, needed: int, why: str) -> None:
        super().__init__(
            f"The training dataset has {rows} usable rows, but {why} at least {needed}.",
            "Add rows, or give the validation and test datasets yourself.",
            rows=rows,
            needed=needed,
        )


class FractionsTooLarge(InvalidInput):
    """The validation and test fractions leave too little to train on."""

    code = "fractions-too-large"

    def __init__(self, fraction: float) -> None:
        super().__init__(
            f"The validation and test fractions take {fraction:.0%} of the training rows.",
            "Choose fractions that leave at least 10 % of them for training.",
            fraction=fraction,
        )


def _roles(roles: Sequence[Role]) -> str:
    named = ", ".join(f"`{role}`" for role in roles)
    return f"the role {named}" if len(roles) == 1 else f"the roles {named}"


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)


class LabelUnknownToModel(InvalidInput):
    """The dataset has labels that the model cannot answer."""

    code = "label-unknown-to-model"

    def __init__(self, first_rows: dict[str, int], known: tuple[str, ...]) -> None:
        named = ", ".join(f"`{label}` (row {row})" for label, row in _few(first_rows).items())
        more = f" and {len(first_rows) - 5} more" if len(first_rows) > 5 else ""
        super().__init__(
            f"The model does not know these labels of the dataset: {named}{more}.",
            "Say with `label_mapping` which label of the model each of them is, or remove those "
            f"rows. The model's labels are: {', '.join(known)}.",
            labels=first_rows,
            known=list(known),
        )


class TooFewRowsToSplit(InvalidInput):
    """A part cannot be split off such that rows are left on both sides."""

    code = "too-few-rows-to-split"

    def __init__(self, rows: int, units: int, fraction: float) -> None:
        in_groups = f" in {units} group(s)" if units < rows else ""
        super().__init__(
            f"{rows} row(s){in_groups} cannot be split into {1 - fraction:.0%} and {fraction:.0%}: "
            "one side would be empty.",
            "Send more rows (of more groups), or send the other part as a dataset of its own.",
            rows=rows,
            groups=units,
            fraction=fraction,
        )


class TokenizerMissing(InvalidInput):
    """The model has no tokenizer by which the fertility could be counted."""

    code = "tokenizer-missing"

    def __init__(self) -> None:
        super().__init__(
            "The model has no `tokenizer.json`, so that no tokens can be counted.",
            "Name a text model, or leave the model out.",
        )


def _few(first_rows: dict[str, int]) -> dict[str, int]:
    return dict(list(first_rows.items())[:5])
