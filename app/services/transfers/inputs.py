"""What a transfer reads: its model, the rows of its datasets, and the auxiliary model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy.orm import Session

from app.artifacts.archive import open_folder
from app.domain.datasets import Dataset, DatasetFacts
from app.domain.enums import INPUT_ROLES, PAIR_KINDS, TASK_BY_KIND, Role
from app.domain.errors.methods import HubModelUnavailable
from app.domain.errors.transfers import TransferInputsGone
from app.domain.models import ImageInput, Model, ModelFacts, ModelHints
from app.domain.transfers import HUB, STARTER, Transfer
from app.formats.catalog import detect_format, format_named
from app.formats.dataset_rows import load_examples, load_inputs, load_pairs, mapped_labels
from app.formats.read_model import refuse_code_inside
from app.formats.starter_encoder import starter_encoder
from app.learn.data.examples import Examples, Inputs, TextPairs
from app.learn.tasks.contract import Objective, objective_for
from app.services.context import Context
from app.store import datasets, models
from app.store.database import retry_on_disconnect

if TYPE_CHECKING:
    from app.learn.network import Network


# Of a hub's model only files that cannot run code.
_ALLOWED_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "1_Pooling/*.json"]


@dataclass(frozen=True)
class TransferInputs:
    """What a transfer works on.

    `facts` are those of the model to be made: a plain encoder's with the labels of the training
    rows. `examples` are labelled rows, `unlabelled` texts or images without labels. `has_head`
    tells whether the source model can answer by itself.
    """

    model: Model
    source_facts: ModelFacts
    facts: ModelFacts
    datasets: dict[Role, Dataset]
    examples: dict[Role, Examples]
    unlabelled: dict[Role, Inputs]
    pairs: dict[Role, TextPairs]

    @property
    def has_head(self) -> bool:
        """Whether the source model has labels of its own."""
        return bool(self.source_facts.labels)

    @property
    def objective(self) -> Objective:
        """What the model to be made answers, and by what it is judged."""
        return objective_for(self.facts.task, self.labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that targets are positions in."""
        return self.facts.labels


def load_transfer_inputs(context: Context, transfer: Transfer) -> TransferInputs:
    """Read the records and rows; raises `TransferInputsGone` when one was deleted meanwhile."""
    spec = transfer.spec

    def read(session: Session) -> tuple[Model | None, dict[Role, Dataset | None]]:
        sets = {role: datasets.get(session, id) for role, id in spec.datasets.items()}
        return models.get(session, spec.model_id), sets

    patience = context.settings.database_patience_seconds
    model, found = retry_on_disconnect(context.readers, read, patience)
    gone = [spec.datasets[role] for role, dataset in found.items() if dataset is None]
    if model is None or model.facts is None or gone:
        raise TransferInputsGone(gone or [spec.model_id])
    records = {role: dataset for role, dataset in found.items() if dataset is not None}
    mapping = spec.label_mapping
    facts = _target_facts(model.facts, records.get(Role.TRAIN), mapping)
    examples, unlabelled, pairs = {}, {}, {}
    for role, dataset in records.items():
        known, file = _canonical_file(context, dataset)
        if role in PAIR_KINDS:
            pairs[role] = load_pairs(file)
        elif role in INPUT_ROLES:
            unlabelled[role] = match_channels(load_inputs(file, known, facts.task), facts)
        else:
            rows = load_examples(file, known, facts.labels, mapping, facts.task)
            examples[role] = replace(rows, inputs=match_channels(rows.inputs, facts))
    return TransferInputs(model, model.facts, facts, records, examples, unlabelled, pairs)


def load_network(context: Context, inputs: TransferInputs, seed: int) -> Network:
    """The source model's network, fresh; a plain encoder's with a new head drawn by `seed`."""
    from app.learn.devices import seeded

    facts, settings = inputs.source_facts, context.settings
    if inputs.model.sha256 is None:
        raise TransferInputsGone([inputs.model.id])
    folder = open_folder(
        context.artifacts,
        inputs.model.sha256,
        settings.max_unpacked_bytes,
        settings.max_archive_members,
    )
    # A plain encoder is loaded as the body of what the transfer makes of it.
    network = format_named(facts.format).load(folder, replace(facts, task=inputs.facts.task))
    if inputs.labels and not inputs.has_head:
        with seeded(seed):
            network.add_head(inputs.labels)
    return network


def match_channels(inputs: Inputs, facts: ModelFacts) -> Inputs:
    """Inputs as the model's network takes them; raises nothing, since shapes were checked."""
    if isinstance(facts.input, ImageInput) and not isinstance(inputs, list):
        return _repeat_channels(inputs, facts.input.channels)
    return inputs


def _target_facts(facts: ModelFacts, train: Dataset | None, mapping: dict[str, str]) -> ModelFacts:
    if facts.labels or train is None or train.facts is None:
        return facts
    task = TASK_BY_KIND[train.facts.kind]
    return replace(facts, task=task, labels=mapped_labels(train.facts, mapping))


def _canonical_file(context: Context, dataset: Dataset) -> tuple[DatasetFacts, Path]:
    if dataset.facts is None or dataset.sha256 is None:
        raise TransferInputsGone([dataset.id])
    return dataset.facts, context.artifacts.path(dataset.sha256)


def _repeat_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Grey images (n, 1, height, width) for a network that reads colours; others as they are."""
    return np.repeat(images, channels, axis=1) if images.shape[1] == 1 < channels else images


def load_auxiliary_model(context: Context, auxiliary_model: str | None) -> Network | None:
    """The network that a specification names as `auxiliary_model`, loaded anew, or None.

    Raises `StarterMissing`, `HubModelUnavailable`, the errors of reading a model's file, and
    `TransferInputsGone`.
    """
    if auxiliary_model is None:
        return None
    if auxiliary_model == STARTER:
        return _load_folder(starter_encoder(context.settings.data_dir))
    if auxiliary_model.startswith(HUB):
        return _load_folder(
            download_encoder(auxiliary_model.removeprefix(HUB), context.settings.data_dir / "hub")
        )
    return _load_registered(context, auxiliary_model)


def download_encoder(name: str, folder: Path) -> Path:
    """The directory of a hub's model below `folder`, downloaded unless it is there.

    The hub is the one that `HF_ENDPOINT` names; weights are taken as safetensors alone. Raises
    `HubModelUnavailable`.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        found = Path(snapshot_download(name, cache_dir=folder, allow_patterns=_ALLOWED_FILES))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as problem:
        raise HubModelUnavailable(name, str(problem).split("\n")[0][:300]) from None
    if not list(found.glob("*.safetensors")):
        raise HubModelUnavailable(name, "it has no safetensors weights")
    refuse_code_inside(found)
    return found


def _load_folder(folder: Path) -> Network:
    found = detect_format(folder)
    return found.load(folder, found.inspect(folder, ModelHints()))


def _load_registered(context: Context, model_id: str) -> Network:
    with context.readers.begin() as session:
        model = models.get(session, model_id)
    if model is None or model.facts is None or model.sha256 is None:
        raise TransferInputsGone([model_id])
    limits = context.settings
    folder = open_folder(
        context.artifacts, model.sha256, limits.max_unpacked_bytes, limits.max_archive_members
    )
    return format_named(model.facts.format).load(folder, model.facts)
