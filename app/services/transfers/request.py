"""Requests for transfers, of registered records or of files: checked, queued and found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.domain.datasets import Dataset, DatasetFacts
from app.domain.enums import (
    INPUT_ROLES,
    KINDS_OF_TASKS,
    LABELLED_ROLES,
    PAIR_KINDS,
    SOURCE_ROLES,
    TASK_BY_KIND,
    TEXT_KINDS,
    AuxiliaryModelUse,
    DatasetKind,
    Format,
    Role,
    Task,
)
from app.domain.errors import RejectedFile
from app.domain.errors.methods import (
    AuxiliaryModelMissing,
    AuxiliaryModelUnfit,
    AuxiliaryModelUnused,
    StrategyUnfit,
)
from app.domain.errors.model_formats import WidthsDiffer
from app.domain.errors.transfers import (
    FractionsTooLarge,
    ImageShapeUnfit,
    KindUnfit,
    LanguageDiffers,
    MethodUnfit,
    NoRoleOf,
    ParametersInvalid,
    RecordRejected,
    RolesInvalid,
    SampleNeedsTrain,
    TooFewRows,
    TransferNotFound,
)
from app.domain.identity import new_id, now
from app.domain.invalid_fields import explain_fields
from app.domain.jobs import JobState
from app.domain.languages import parse_language
from app.domain.models import ImageInput, Model, ModelFacts
from app.domain.transfers import (
    HUB,
    STARTER,
    SampleSize,
    Transfer,
    TransferSpec,
    Turn,
    auxiliary_model_id,
)
from app.formats.dataset_rows import load_examples, mapped_labels
from app.learn.training.recipe import Strategy
from app.methods.contract import MethodRequest, MethodSpec, method_named
from app.services.artifacts import Upload, publish
from app.services.context import Context
from app.services.datasets import (
    DatasetDetails,
    InspectedDataset,
    find_dataset,
    inspect_uploaded_dataset,
    ready_dataset,
    record_dataset,
)
from app.services.models import (
    InspectedModel,
    ModelDetails,
    find_model,
    inspect_uploaded_model,
    record_model,
)
from app.store import transfers

D = TypeVar("D")
R = TypeVar("R")
_MOST_SPLIT_OFF = 0.9
DatasetsByRole = dict[Role, tuple[DatasetFacts, Callable[[], Path]]]


def check_transfer(
    context: Context, model: str, datasets: dict[Role, str], request: TransferRequest
) -> TransferSpec:
    """The specification of a transfer of registered records, all checked that can be checked.

    Rows are read for it while no transaction is open.
    """
    fields = check_request(request, set(datasets))
    with context.readers() as session:
        source = find_model(session, model)
        facts = ready_facts(source)
        found = {role: find_dataset(session, id) for role, id in datasets.items()}
        fields["auxiliary_model"] = choose_auxiliary_model(
            session, request.method, request.auxiliary_model
        )
        check_vector_widths(session, facts, fields["auxiliary_model"])
    check_languages(fields["language"], {role: d.language for role, d in found.items()})
    ready = {role: ready_dataset(context, dataset) for role, dataset in found.items()}
    check_fit(request, facts, ready)
    ids = {role: dataset.id for role, dataset in found.items()}
    return TransferSpec(model_id=source.id, datasets=ids, **fields)


def queue_transfer(session: Session, spec: TransferSpec, turn: Turn = Turn()) -> Transfer:
    """Insert a checked transfer; workers see it after the commit.

    Raises `TransferInputsGone` where a record was deleted since it was checked.
    """
    transfer = Transfer(new_id("trf"), spec, JobState.QUEUED, now(), **vars(turn))
    transfers.insert(session, transfer)
    return transfer


def find_transfer(session: Session, transfer_id: str) -> Transfer:
    """The transfer by id; or `TransferNotFound`."""
    found = transfers.get(session, transfer_id)
    if found is None:
        raise TransferNotFound(transfer_id)
    return found


def ready_facts(model: Model | InspectedModel) -> ModelFacts:
    """The facts of a model; raises `RecordRejected` where it has none."""
    if model.facts is not None:
        return model.facts
    raise RecordRejected(model.id)


@dataclass(frozen=True)
class TransferFiles:
    """What came in the request: uploads with what the user says of them, and references.

    The model is an upload or the reference of a registered one; so is each dataset.
    """

    model: tuple[Upload, ModelDetails] | str
    new: dict[Role, tuple[Upload, DatasetDetails]] = field(default_factory=dict)
    datasets: dict[Role, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckedFiles:
    """A transfer all of whose files were read; `fields` are those of its specification."""

    model: Model | InspectedModel
    known: dict[Role, Dataset]
    read: dict[Role, InspectedDataset]
    fields: dict[str, Any]

    def files(self) -> list[Path]:
        """What is to be published: the model where it is new, then each new dataset."""
        model = [self.model.upload.path] if isinstance(self.model, InspectedModel) else []
        return model + [dataset.canonical for dataset in self.read.values()]

    def unpacked(self) -> dict[Path, Path]:
        """The folder into which a new model was unpacked, by its file."""
        model = self.model
        return {model.upload.path: model.folder} if isinstance(model, InspectedModel) else {}


def check_transfer_with_files(
    context: Context, files: TransferFiles, request: TransferRequest
) -> CheckedFiles:
    """Read every file and check all that can be checked; changes nothing.

    A `RejectedFile` names the part of the request that it is about, in its field `part`. No
    transaction is open while files are read.
    """
    fields = check_request(request, {*files.datasets, *files.new})
    with context.readers() as reading:
        known = {role: find_dataset(reading, id) for role, id in files.datasets.items()}
        model = find_model(reading, files.model) if isinstance(files.model, str) else None
        fields["auxiliary_model"] = choose_auxiliary_model(
            reading, request.method, request.auxiliary_model
        )
    languages = {role: details.language for role, (_, details) in files.new.items()}
    languages |= {role: dataset.language for role, dataset in known.items()}
    check_languages(fields["language"], languages)
    ready = {role: ready_dataset(context, dataset) for role, dataset in known.items()}
    # Data first: it is read sooner than a model, and is wrong more often.
    read = {
        role: _inspect_part(role, inspect_uploaded_dataset, context, *new)
        for role, new in files.new.items()
    }
    ready |= {
        role: (dataset.facts, partial(Path, dataset.canonical)) for role, dataset in read.items()
    }
    source: Model | InspectedModel | None = model
    if source is None:
        assert not isinstance(files.model, str)  # a reference was looked up above
        source = _inspect_part("model", inspect_uploaded_model, context, *files.model)
    check_fit(request, ready_facts(source), ready)
    with context.readers() as reading:
        check_vector_widths(reading, ready_facts(source), fields["auxiliary_model"])
    return CheckedFiles(source, known, read, fields)


def start_transfer_with_files(
    context: Context, session: Session, checked: CheckedFiles, turn: Turn = Turn()
) -> Transfer:
    """Register every file and queue the transfer, in the caller's transaction."""
    digests = iter(publish(context, session, checked.files(), checked.unpacked()))
    model = checked.model
    if isinstance(model, InspectedModel):
        model = record_model(session, model, next(digests))
    ids = {role: dataset.id for role, dataset in checked.known.items()}
    for role, dataset in checked.read.items():
        ids[role] = record_dataset(session, dataset, next(digests)).id
    return queue_transfer(
        session, TransferSpec(model_id=model.id, datasets=ids, **checked.fields), turn
    )


def _inspect_part(
    part: str, read: Callable[[Context, Upload, D], R], context: Context, upload: Upload, details: D
) -> R:
    try:
        return read(context, upload, details)
    except RejectedFile as reason:
        reason.fields["part"] = part
        raise


@dataclass(frozen=True)
class TransferRequest:
    """The part of a transfer's specification that names no record."""

    language: str
    method: str
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    seed: int = 0
    repeats: int = 1
    sample: SampleSize | None = None
    validation_fraction: float | None = None
    test_fraction: float = 0.2
    wanted_precision: float = 0.95
    auxiliary_model: str | None = None
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
    if sum(split_fractions(request, roles).values()) > _MOST_SPLIT_OFF:
        raise FractionsTooLarge(sum(split_fractions(request, roles).values()))
    fields = {name: getattr(request, name) for name in TransferRequest.__dataclass_fields__}
    return fields | {"language": language, "parameters": parameters}


def check_languages(target: str, languages: dict[Role, str]) -> None:
    """Check that rows to learn and to test on are of the target language, whatever its region.

    `languages` are those that the datasets are registered under. Raises `LanguageDiffers`.
    """
    for role in set(Role) - set(SOURCE_ROLES):
        language = languages.get(role, target)
        if language.split("-")[0] != target.split("-")[0]:
            raise LanguageDiffers(role, language, target)


def _check_parameters(method: MethodSpec, parameters: dict[str, Any]) -> dict[str, Any]:
    try:
        return method.parameters.model_validate(parameters).model_dump(mode="json")
    except ValidationError as error:
        errors = explain_fields(error.errors(), method.parameters)
        raise ParametersInvalid(method.name, errors) from None


def _check_roles(method: MethodSpec, roles: set[Role]) -> None:
    missing = sorted(method.required_roles - roles)
    unknown = sorted(roles - method.roles - {Role.TEST, Role.SOURCE_TEST})
    if missing or unknown:
        raise RolesInvalid(method.name, missing, unknown)
    if method.one_of and not method.one_of & roles:
        raise NoRoleOf(method.name, sorted(method.one_of))


def split_fractions(request: TransferRequest, roles: set[Role]) -> dict[Role, float]:
    """The fraction of the training rows for each role that has no dataset of its own."""
    if Role.TRAIN not in roles:
        return {}
    fractions = {
        Role.TEST: request.test_fraction,
        Role.VALIDATION: request.validation_fraction,
    }
    return {role: part for role, part in fractions.items() if part and role not in roles}


def check_fit(request: TransferRequest, model: ModelFacts, datasets: DatasetsByRole) -> None:
    """Check that method, model and data fit each other, after `check_request`.

    `datasets` has each dataset's facts by role, and what gives its canonical file, which is fetched
    and verified only where it is read. Raises an `InvalidInput` that says what to mend.
    """
    method, task = method_named(request.method), _target_task(model, datasets)
    _check_method(request, method, model, task)
    for role, (facts, _) in datasets.items():
        _check_kind(role, facts, model, task)
    _check_labels(request, model, datasets, task)
    _check_rows(request, {role: facts for role, (facts, _) in datasets.items()})
    if method.check is not None:
        parameters = method.parameters.model_validate(request.parameters)
        rows = {role: facts.rows for role, (facts, _) in datasets.items()}
        method.check(MethodRequest(parameters, rows, request.auxiliary_model))


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


def _target_task(model: ModelFacts, datasets: DatasetsByRole) -> Task:
    """The model's task; that of a plain encoder's future head follows from its training rows."""
    train = datasets.get(Role.TRAIN)
    if model.task is not Task.FEATURE_EXTRACTION or train is None:
        return model.task
    return TASK_BY_KIND.get(train[0].kind, model.task)


def _check_labels(
    request: TransferRequest, model: ModelFacts, datasets: DatasetsByRole, task: Task
) -> None:
    """Raises `LabelUnknownToModel`, naming a row of each, and `MethodUnfit`."""
    labelled = {role: found for role, found in datasets.items() if role in LABELLED_ROLES}
    train = datasets.get(Role.TRAIN)
    labels = model.labels or (mapped_labels(train[0], request.label_mapping) if train else ())
    if labelled and not labels:
        raise MethodUnfit(request.method, "labelled rows of a plain encoder, other than to train")
    for facts, canonical in labelled.values():
        if not set(mapped_labels(facts, request.label_mapping)) <= set(labels):
            load_examples(canonical(), facts, labels, request.label_mapping, task)


def _check_kind(role: Role, facts: DatasetFacts, model: ModelFacts, task: Task) -> None:
    if facts.kind not in (fitting := _allowed_kinds(role, task)):
        raise KindUnfit(role, facts.kind, task, fitting)
    wanted = model.input
    shape = facts.image_shape
    if isinstance(wanted, ImageInput) and shape is not None and not wanted.takes(shape):
        raise ImageShapeUnfit(role, shape, (wanted.channels, wanted.height, wanted.width))


def _allowed_kinds(role: Role, task: Task) -> tuple[DatasetKind, ...]:
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
    parts = split_fractions(request, set(facts))
    # Where each row has one label, a label without a row cannot be learnt.
    single = train.kind in (DatasetKind.LABELLED, DatasetKind.IMAGES)
    needed = max(1 + len(parts), len(train.labels) if single else 0)
    if train.rows < needed:
        raise TooFewRows(train.rows, needed, f"training, with {len(parts)} split off, needs")
    wanted = request.sample.rows if request.sample else None
    if wanted is not None and wanted > train.rows:
        raise TooFewRows(train.rows, wanted, "the sample asked for needs")


def choose_auxiliary_model(session: Session, method_name: str, requested: str | None) -> str | None:
    """The auxiliary model in the specification's form: a model's id, `starter`, `hub:NAME` or None.

    A method that needs a text encoder, where none is named, gets the starter encoder. Raises
    `AuxiliaryModelUnused`, `AuxiliaryModelMissing`, `AuxiliaryModelUnfit`, `ModelNotFound`,
    `RecordRejected`.
    """
    method = method_named(method_name)
    if method.auxiliary_model is AuxiliaryModelUse.NONE:
        if requested is not None:
            raise AuxiliaryModelUnused(method.name, requested)
        return None
    takes_encoders = Format.HUGGINGFACE in method.auxiliary_formats
    if requested is None:
        return _default_auxiliary_model(method, takes_encoders)
    if requested == STARTER or requested.startswith(HUB):
        if not takes_encoders:
            raise AuxiliaryModelUnfit(method.name, requested, sorted(method.auxiliary_formats))
        return requested
    model = find_model(session, requested)
    if model.facts is None:
        raise RecordRejected(model.id)
    if model.facts.format not in method.auxiliary_formats:
        raise AuxiliaryModelUnfit(method.name, model.facts.format, sorted(method.auxiliary_formats))
    return model.id


def check_vector_widths(session: Session, source: ModelFacts, auxiliary_model: str | None) -> None:
    """Refuse word vectors of another width than the source model's: `WidthsDiffer`."""
    identifier = auxiliary_model_id(auxiliary_model)
    if identifier is None or source.format is not Format.WORD_VECTORS:
        return
    target = find_model(session, identifier).facts
    if target is not None and target.vector_width != source.vector_width:
        raise WidthsDiffer(source.vector_width, target.vector_width)


def _default_auxiliary_model(method: MethodSpec, takes_encoders: bool) -> str | None:
    if method.auxiliary_model is AuxiliaryModelUse.OPTIONAL:
        return None
    if not takes_encoders:
        raise AuxiliaryModelMissing(method.name, sorted(method.auxiliary_formats))
    return STARTER
