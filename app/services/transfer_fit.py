"""Whether a transfer's method, model and data fit each other: found out before it is queued."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind, Format, Role, Task
from app.domain.errors.low_rank import StrategyUnfit
from app.domain.errors.transfer_requests import (
    ImageShapeUnfit,
    KindUnfit,
    MethodUnfit,
    SampleNeedsTrain,
    TooFewRows,
)
from app.domain.models import ImageInput, ModelFacts
from app.domain.roles import (
    INPUT_ROLES,
    KINDS_OF_TASKS,
    LABELLED_ROLES,
    PAIR_KINDS,
    TASK_BY_KIND,
    TEXT_KINDS,
)
from app.formats.examples import load_examples, mapped_labels
from app.learn.training_options import Strategy
from app.methods.catalog import method_named
from app.methods.contract import Asked, MethodSpec
from app.services.transfer_request import TransferRequest, split_off

Material = dict[Role, tuple[DatasetFacts, Callable[[], Path]]]


def check_fit(request: TransferRequest, model: ModelFacts, material: Material) -> None:
    """Check that method, model and data fit each other, after `check_request`.

    `material` has each dataset's facts by role, and a way to its canonical file, which is
    fetched and verified only where it is read. Raises an
    `InvalidInput` that says what to mend.
    """
    method, task = method_named(request.method), _task_to_be(model, material)
    _check_method(request, method, model, task)
    for role, (facts, _) in material.items():
        _check_kind(role, facts, model, task)
    _check_labels(request, model, material, task)
    _check_rows(request, {role: facts for role, (facts, _) in material.items()})
    if method.check is not None:
        parameters = method.parameters.model_validate(request.parameters)
        rows = {role: facts.rows for role, (facts, _) in material.items()}
        method.check(Asked(parameters, rows, request.companion))


def _check_method(
    request: TransferRequest, method: MethodSpec, model: ModelFacts, task: Task
) -> None:
    for one in (model.task, task):
        if one not in method.tasks:
            raise MethodUnfit(method.name, f"{one} models")
    if model.format not in method.formats:
        raise MethodUnfit(method.name, f"{model.format} models")
    strategy = request.parameters.get("strategy")
    if strategy == Strategy.LORA and model.format is not Format.HUGGINGFACE:
        raise StrategyUnfit(strategy, model.format)


def _task_to_be(model: ModelFacts, material: Material) -> Task:
    """The model's task; that of a plain encoder's future head follows from its training rows."""
    train = material.get(Role.TRAIN)
    if model.task is not Task.FEATURE_EXTRACTION or train is None:
        return model.task
    return TASK_BY_KIND.get(train[0].kind, model.task)


def _check_labels(
    request: TransferRequest, model: ModelFacts, material: Material, task: Task
) -> None:
    """Raises `LabelUnknownToModel`, naming a row of each, and `MethodUnfit`."""
    labelled = {role: found for role, found in material.items() if role in LABELLED_ROLES}
    train = material.get(Role.TRAIN)
    labels = model.labels or (mapped_labels(train[0], request.label_mapping) if train else ())
    if labelled and not labels:
        raise MethodUnfit(request.method, "labelled rows of a plain encoder, other than to train")
    for facts, canonical in labelled.values():
        if not set(mapped_labels(facts, request.label_mapping)) <= set(labels):
            load_examples(canonical(), facts, labels, request.label_mapping, task)


def _check_kind(role: Role, facts: DatasetFacts, model: ModelFacts, task: Task) -> None:
    if facts.kind not in (fitting := _kinds(role, task)):
        raise KindUnfit(role, facts.kind, task, fitting)
    wanted = model.input
    shape = facts.image_shape
    if isinstance(wanted, ImageInput) and shape is not None and not wanted.takes(shape):
        raise ImageShapeUnfit(role, shape, (wanted.channels, wanted.height, wanted.width))


def _kinds(role: Role, task: Task) -> tuple[DatasetKind, ...]:
    """The kinds of dataset that may stand in a role; labels of plain inputs are not read."""
    if role in PAIR_KINDS:
        return (PAIR_KINDS[role],)
    if task is Task.IMAGE_CLASSIFICATION:
        return (DatasetKind.IMAGES,)
    if role in INPUT_ROLES:
        return DatasetKind.UNLABELLED, *TEXT_KINDS
    return KINDS_OF_TASKS[task]


def _check_rows(request: TransferRequest, facts: dict[Role, DatasetFacts]) -> None:
    train = facts.get(Role.TRAIN)
    if train is None:
        if request.sample is not None:
            raise SampleNeedsTrain
        return
    parts = split_off(request, set(facts))
    # Where each row has one label, a label without a row cannot be learnt.
    single = train.kind in (DatasetKind.LABELLED, DatasetKind.IMAGES)
    needed = max(1 + len(parts), len(train.labels) if single else 0)
    if train.rows < needed:
        raise TooFewRows(train.rows, needed, f"training, with {len(parts)} split off, needs")
    wanted = request.sample.rows if request.sample else None
    if wanted is not None and wanted > train.rows:
        raise TooFewRows(train.rows, wanted, "the sample asked for needs")
