"""The rows on which ways to serve a model are compared: its own evaluation's, or made-up ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.orm import Session

from app.domain.datasets import Dataset
from app.domain.enums import EvaluationKind, Task
from app.domain.evaluations import Evaluation
from app.domain.models import ImageInput, Model, ModelFacts
from app.formats.images.canonical import read_image_rows
from app.formats.predictions_table import read_predictions
from app.learn.examples import NO_WORD, Inputs
from app.services.context import Context
from app.store import datasets, evaluations
from app.store.patience import patiently

if TYPE_CHECKING:
    from app.learn.network import Network

_MOST_ROWS = 2000
_MADE_UP = 64
_LONGEST = 60  # tokens of a made-up text


@dataclass(frozen=True)
class CheckRows:
    """Inputs as networks take them; `targets` as the objective takes them, None where unknown."""

    inputs: Inputs
    targets: np.ndarray | None

    @property
    def real(self) -> bool:
        """Whether they come from the model's own evaluation."""
        return self.targets is not None


def check_rows(context: Context, model: Model, facts: ModelFacts, network: Network) -> CheckRows:
    """At most 2,000 rows of the evaluation that the model's transfer ended with.

    A model that has none (an upload), or whose rows are gone, gets 64 rows of random tokens or
    pixels.
    """

    def find(session: Session) -> tuple[Evaluation | None, Dataset | None]:
        of_model = evaluations.page(session, 50, model_id=model.id).items
        found = next((e for e in of_model if e.kind is EvaluationKind.TRANSFERRED), None)
        return found, datasets.get(session, found.dataset_id) if found else None

    patience = context.settings.database_patience_seconds
    evaluation, dataset = patiently(context.readers, find, patience)
    if evaluation is None or evaluation.predictions_sha256 is None:
        return CheckRows(_made_up(facts, network), None)
    file = context.artifacts.path(evaluation.predictions_sha256)
    rows = read_predictions(file, "row", limit=evaluation.rows)
    order = np.random.default_rng(0).permutation(len(rows))[:_MOST_ROWS]
    rows = [rows[place] for place in sorted(order)]
    if not isinstance(facts.input, ImageInput):
        return CheckRows(_texts(facts, rows), _targets(facts, rows))
    if dataset is None or dataset.sha256 is None:
        return CheckRows(_made_up(facts, network), None)
    images = read_image_rows(context.artifacts.path(dataset.sha256)).images
    return CheckRows(images[[row["row"] - 1 for row in rows]], _targets(facts, rows))


def _texts(facts: ModelFacts, rows: list[dict[str, Any]]) -> Inputs:
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [tuple(row["words"]) for row in rows]
    return [row["text"] for row in rows]


def _targets(facts: ModelFacts, rows: list[dict[str, Any]]) -> np.ndarray:
    position = {label: place for place, label in enumerate(facts.labels)}
    named = [row["label"] for row in rows]
    if facts.task is Task.MULTI_LABEL_CLASSIFICATION:
        return np.array([[label in own for label in facts.labels] for own in named], dtype=bool)
    if facts.task is not Task.TOKEN_CLASSIFICATION:
        return np.array([position[label] for label in named], dtype=np.int64)
    longest = max(len(row["words"]) for row in rows)
    targets = np.full((len(rows), longest), NO_WORD, dtype=np.int64)
    for row, tags in enumerate(named):
        targets[row, : len(tags)] = [position[tag] for tag in tags]
    return targets


def _made_up(facts: ModelFacts, network: Any) -> Inputs:
    random = np.random.default_rng(0)
    if isinstance(facts.input, ImageInput):
        shape = (_MADE_UP, facts.input.channels, facts.input.height, facts.input.width)
        return random.integers(0, 256, shape, dtype=np.uint8)
    tokenizer = network.tokens.tokenizer()
    ids = sorted(tokenizer.get_vocab().values())
    lengths = random.integers(1, _LONGEST, _MADE_UP)
    texts = [tokenizer.decode(random.choice(ids, length).tolist()) for length in lengths]
    if facts.task is Task.TOKEN_CLASSIFICATION:
        return [tuple(text.split()) or ("word",) for text in texts]
    return [text if text.strip() else "text" for text in texts]
