"""Everything that a transfer reads: its model's record, its datasets' rows, its network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy.orm import Session

from app.artifacts.folders import open_folder
from app.domain.datasets import Dataset, DatasetFacts
from app.domain.enums import Role
from app.domain.errors.transfers import TransferInputsGone
from app.domain.models import ImageInput, Model, ModelFacts
from app.domain.roles import INPUT_ROLES, PAIR_KINDS, TASK_BY_KIND
from app.domain.transfers import Transfer
from app.formats.catalog import format_named
from app.formats.examples import load_examples, load_inputs, load_pairs, mapped_labels
from app.learn.examples import Examples, Inputs
from app.learn.objectives.catalog import objective_for
from app.learn.objectives.contract import Objective
from app.learn.pairs import Pairs
from app.services.context import Context
from app.store import datasets, models
from app.store.patience import patiently

if TYPE_CHECKING:
    from app.learn.network import Network


@dataclass(frozen=True)
class Material:
    """What a transfer works on.

    `facts` are those of the model to be made: a plain encoder's with the labels of the training
    rows. `examples` are labelled rows, `inputs` texts or images without labels. `has_head` tells
    whether the source model can answer by itself.
    """

    model: Model
    source_facts: ModelFacts
    facts: ModelFacts
    datasets: dict[Role, Dataset]
    examples: dict[Role, Examples]
    inputs: dict[Role, Inputs]
    pairs: dict[Role, Pairs]

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


def open_material(context: Context, transfer: Transfer) -> Material:
    """Read the records and rows; raises `TransferInputsGone` when one was deleted meanwhile."""
    spec = transfer.spec

    def read(session: Session) -> tuple[Model | None, dict[Role, Dataset | None]]:
        sets = {role: datasets.get(session, id) for role, id in spec.datasets.items()}
        return models.get(session, spec.model_id), sets

    patience = context.settings.database_patience_seconds
    model, found = patiently(context.readers, read, patience)
    gone = [spec.datasets[role] for role, dataset in found.items() if dataset is None]
    if model is None or model.facts is None or gone:
        raise TransferInputsGone(gone or [spec.model_id])
    records = {role: dataset for role, dataset in found.items() if dataset is not None}
    mapping = spec.label_mapping
    facts = _facts_to_be(model.facts, records.get(Role.TRAIN), mapping)
    examples, inputs, pairs = {}, {}, {}
    for role, dataset in records.items():
        known, file = _canonical(context, dataset)
        if role in PAIR_KINDS:
            pairs[role] = load_pairs(file)
        elif role in INPUT_ROLES:
            inputs[role] = fitting_inputs(load_inputs(file, known, facts.task), facts)
        else:
            rows = load_examples(file, known, facts.labels, mapping, facts.task)
            examples[role] = replace(rows, inputs=fitting_inputs(rows.inputs, facts))
    return Material(model, model.facts, facts, records, examples, inputs, pairs)


def load_network(context: Context, material: Material, seed: int) -> Network:
    """The source model's network, fresh; a plain encoder's with a new head drawn by `seed`."""
    from app.learn.seeding import seeded

    facts, settings = material.source_facts, context.settings
    if material.model.sha256 is None:
        raise TransferInputsGone([material.model.id])
    folder = open_folder(
        context.artifacts,
        material.model.sha256,
        settings.max_unpacked_bytes,
        settings.max_archive_members,
    )
    # A plain encoder is loaded as the body of what the transfer makes of it.
    network = format_named(facts.format).load(folder, replace(facts, task=material.facts.task))
    if material.labels and not material.has_head:
        with seeded(seed):
            network.add_head(material.labels)
    return network


def fitting_inputs(inputs: Inputs, facts: ModelFacts) -> Inputs:
    """Inputs as the model's network takes them; raises nothing, since shapes were checked."""
    if isinstance(facts.input, ImageInput) and not isinstance(inputs, list):
        return _coloured(inputs, facts.input.channels)
    return inputs


def _facts_to_be(facts: ModelFacts, train: Dataset | None, mapping: dict[str, str]) -> ModelFacts:
    if facts.labels or train is None or train.facts is None:
        return facts
    task = TASK_BY_KIND[train.facts.kind]
    return replace(facts, task=task, labels=mapped_labels(train.facts, mapping))


def _canonical(context: Context, dataset: Dataset) -> tuple[DatasetFacts, Path]:
    if dataset.facts is None or dataset.sha256 is None:
        raise TransferInputsGone([dataset.id])
    return dataset.facts, context.artifacts.path(dataset.sha256)


def _coloured(images: np.ndarray, channels: int) -> np.ndarray:
    """Grey images (n, 1, height, width) for a network that reads colours; others as they are."""
    return np.repeat(images, channels, axis=1) if images.shape[1] == 1 < channels else images
