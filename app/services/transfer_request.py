"""What a user asks of a transfer, and whether it can be done: found out before it is queued."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind, Format, Role, Task
from app.domain.errors.low_rank import StrategyUnfit
from app.domain.errors.transfer_requests import (
    FractionsTooLarge,
    ImageShapeUnfit,
    KindUnfit,
    LanguageDiffers,
    MethodUnfit,
    NoRoleOf,
    ParametersInvalid,
    RolesInvalid,
    SampleNeedsTrain,
    TooFewRows,
)
from app.domain.languages import parse_language
from app.domain.models import ImageInput, ModelFacts
from app.domain.roles import INPUT_ROLES, LABELLED_ROLES, PAIR_KINDS, SOURCE_ROLES
from app.domain.transfers import Sample
from app.formats.examples import load_examples, mapped_labels
from app.learn.training_options import Strategy
from app.methods.catalog import method_named
from app.methods.contract import Asked, MethodSpec

_MOST_SPLIT_OFF = 0.9
Material = dict[Role, tuple[DatasetFacts, Path]]


@dataclass(frozen=True)
class TransferRequest:
    """The part of a transfer's specification that names no record."""

    language: str
    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    seed: int = 0
    repeats: int = 1
    sample: Sample | None = None
    validation_fraction: float = 0.15
    test_fraction: float = 0.2
    wanted_precision: float = 0.95
    companion: str | None = None
    label_mapping: dict[str, str] = field(default_factory=dict)


def check_request(request: TransferRequest, roles: set[Role]) -> dict[str, Any]:
    """Check what needs no look at the model and the data; returns the specification's fields.

    `roles` are those that datasets are given for. The parameters come back complete, with the
    method's defaults. Raises an `InvalidInput` that says what to mend, or `MethodUnknown`.
    """
    method = method_named(request.method)
    parameters = _check_parameters(method, request.parameters)
    language = parse_language(request.language)
    _check_roles(method, roles)
    if sum(_split_off(request, roles).values()) > _MOST_SPLIT_OFF:
        raise FractionsTooLarge(sum(_split_off(request, roles).values()))
    fields = {name: getattr(request, name) for name in TransferRequest.__dataclass_fields__}
    return fields | {"language": language, "parameters": parameters}


def check_fit(request: TransferRequest, model: ModelFacts, material: Material) -> None:
    """Check that method, model and data fit each other, after `check_request`.

    `material` has the facts and the canonical file of each dataset by role. Raises an
    `InvalidInput` that says what to mend.
    """
    method = method_named(request.method)
    if model.task not in method.tasks:
        raise MethodUnfit(method.name, f"{model.task} models")
    if model.format not in method.formats:
        raise MethodUnfit(method.name, f"{model.format} models")
    strategy = request.parameters.get("strategy")
    if strategy == Strategy.LORA and model.format is not Format.HUGGINGFACE:
        raise StrategyUnfit(strategy, model.format)
    for role, (facts, _) in material.items():
        _check_kind(role, facts, model)
    _check_labels(request, model, material)
    _check_rows(request, {role: facts for role, (facts, _) in material.items()})
    if method.check is not None:
        parameters = method.parameters.model_validate(request.parameters)
        rows = {role: facts.rows for role, (facts, _) in material.items()}
        method.check(Asked(parameters, rows, request.companion))


def check_languages(target: str, languages: dict[Role, str]) -> None:
    """Check that rows to learn and to test on are of the target language, whatever its region.

    `languages` are those that the datasets are registered under. Raises `LanguageDiffers`.
    """
    for role in set(Role) - set(SOURCE_ROLES):
        language = languages.get(role, target)
        if language.split("-")[0] != target.split("-")[0]:
            raise LanguageDiffers(role, language, target)


def _check_parameters(method: MethodSpec, given: dict[str, Any]) -> dict[str, Any]:
    try:
        return method.parameters.model_validate(given).model_dump(mode="json")
    except ValidationError as error:
        errors = [
            {"field": ".".join(str(part) for part in found["loc"]), "message": found["msg"]}
            for found in error.errors()
        ]
        raise ParametersInvalid(method.name, errors) from None


def _check_roles(method: MethodSpec, roles: set[Role]) -> None:
    missing = sorted(method.required_roles - roles)
    unknown = sorted(roles - method.roles - {Role.TEST, Role.SOURCE_TEST})
    if missing or unknown:
        raise RolesInvalid(method.name, missing, unknown)
    if method.one_of and not method.one_of & roles:
        raise NoRoleOf(method.name, sorted(method.one_of))


def _split_off(request: TransferRequest, roles: set[Role]) -> dict[Role, float]:
    """The fraction of the training rows for each role that has no dataset of its own."""
    if Role.TRAIN not in roles:
        return {}
    fractions = {
        Role.TEST: request.test_fraction,
        Role.VALIDATION: request.validation_fraction,
    }
    return {role: part for role, part in fractions.items() if part and role not in roles}


def _check_labels(request: TransferRequest, model: ModelFacts, material: Material) -> None:
    """Raises `LabelUnknownToModel`, naming a row of each, and `MethodUnfit`."""
    labelled = {role: found for role, found in material.items() if role in LABELLED_ROLES}
    train = material.get(Role.TRAIN)
    labels = model.labels or (mapped_labels(train[0], request.label_mapping) if train else ())
    if labelled and not labels:
        raise MethodUnfit(request.method, "labelled rows of a plain encoder, other than to train")
    for facts, canonical in labelled.values():
        if not set(mapped_labels(facts, request.label_mapping)) <= set(labels):
            load_examples(canonical, facts, labels, request.label_mapping)


def _check_kind(role: Role, facts: DatasetFacts, model: ModelFacts) -> None:
    if facts.kind not in _kinds(role, model):
        raise KindUnfit(role, facts.kind, model.task)
    wanted = model.input
    if isinstance(wanted, ImageInput) and facts.image_shape is not None:
        shape = (wanted.channels, wanted.height, wanted.width)
        channels, *size = facts.image_shape
        # A network that reads colours reads grey images as well: each channel is the same.
        if channels not in (1, shape[0]) or not (wanted.resizes or tuple(size) == shape[1:]):
            raise ImageShapeUnfit(role, facts.image_shape, shape)


def _kinds(role: Role, model: ModelFacts) -> tuple[DatasetKind, ...]:
    """The kinds of dataset that may stand in a role; labels of plain inputs are not read."""
    if role in PAIR_KINDS:
        return (PAIR_KINDS[role],)
    if model.task is Task.IMAGE_CLASSIFICATION:
        return (DatasetKind.IMAGES,)
    if role in INPUT_ROLES:
        return DatasetKind.UNLABELLED, DatasetKind.LABELLED
    return (DatasetKind.LABELLED,)


def _check_rows(request: TransferRequest, facts: dict[Role, DatasetFacts]) -> None:
    train = facts.get(Role.TRAIN)
    if train is None:
        if request.sample is not None:
            raise SampleNeedsTrain
        return
    split_off = _split_off(request, set(facts))
    needed = max(1 + len(split_off), len(train.labels))
    if train.rows < needed:
        raise TooFewRows(train.rows, needed, f"training, with {len(split_off)} split off, needs")
    wanted = request.sample.rows if request.sample else None
    if wanted is not None and wanted > train.rows:
        raise TooFewRows(train.rows, wanted, "the sample asked for needs")
