"""Errors about what a transfer asks for, found before it is queued."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.enums import DatasetKind, Role, Task
from app.domain.errors import InvalidInput


class RecordRejected(InvalidInput):
    """The model or dataset named did not pass validation."""

    code = "record-rejected"

    def __init__(self, identifier: str) -> None:
        super().__init__(
            f"{identifier} was rejected when it was uploaded.",
            "Read its `rejection`, mend the file and upload it again.",
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
