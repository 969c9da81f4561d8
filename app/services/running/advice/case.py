"""What advice is given on: a transfer whose work is done and not recorded yet."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.artifacts.folders import open_folder
from app.domain.enums import Task
from app.domain.transfers import TransferSpec
from app.learn.examples import Examples
from app.learn.joining import join
from app.learn.monitor import Monitor
from app.services.context import Context
from app.services.running.advice.views import View, agree
from app.services.running.material import Material, load_network
from app.services.running.partition import HeldOut
from app.services.running.repeats import Repeat
from app.services.running.scoring import Compared

if TYPE_CHECKING:
    from app.learn.network import Network

_ONE_LABEL = (Task.TEXT_CLASSIFICATION, Task.IMAGE_CLASSIFICATION)


@dataclass
class Case:
    """The rows, the answers and the two networks, `served` being the transferred one.

    `folder` is where its file lies unpacked. Vectors of rows are computed at the first use of a
    view, within `seconds` for all of them.
    """

    context: Context
    spec: TransferSpec
    material: Material
    held: HeldOut
    best: Repeat
    compared: Compared
    served: Network
    folder: Path
    monitor: Monitor
    seconds: float

    def __post_init__(self) -> None:
        self._views: dict[str, View] = {}

    @property
    def single_label(self) -> bool:
        """Whether the model gives each text or image one label of several."""
        return self.material.facts.task in _ONE_LABEL

    @property
    def text(self) -> bool:
        """Whether inputs are texts, not images."""
        return self.material.facts.task is not Task.IMAGE_CLASSIFICATION

    @property
    def source_language(self) -> str:
        """The BCP-47 tag of the source rows."""
        return self.material.model.languages[0]

    def labelled(self) -> Examples | None:
        """The target rows that the method had labels of: training and validation.

        Equal group ids name the same sentence, whichever dataset they stand in.
        """
        train, validation = self.best.partition.train, self.best.partition.validation
        if train is None or validation is None:
            return train if validation is None else validation
        groups = [part.groups or ("",) * len(part) for part in (train, validation)]
        grouped = train.groups is not None or validation.groups is not None
        return replace(join(train, validation), groups=sum(groups, ()) if grouped else None)

    def source_folder(self) -> Path:
        """The source model's file, unpacked."""
        settings, digest = self.context.settings, self.material.model.sha256
        assert digest is not None, "its network was loaded before"
        return open_folder(
            self.context.artifacts,
            digest,
            settings.max_unpacked_bytes,
            settings.max_archive_members,
        )

    def before(self) -> View:
        """How the untouched source model sees rows."""
        self._look()
        return self._views["before"]

    def after(self) -> View:
        """How the transferred model sees them; the same view where its body was left as it is."""
        self._look()
        return self._views["after"]

    def _look(self) -> None:
        if self._views:
            return
        network = load_network(self.context, self.material, self.spec.seed)
        rows = self.labelled() or self.held.test
        kept = rows is not None and agree(network, self.served, rows.inputs, self.monitor)
        each = self.seconds if kept else self.seconds / 2
        rest = self.context.vectors, each, self.spec.seed, self.monitor
        before = View(network, *rest)
        after = before if kept else View(self.served, *rest)
        self._views = {"before": before, "after": after}

    def eyes(self) -> View:
        """The view to compare languages with: the source model's unless the body was replaced.

        A body that was trained on these labels would draw rows of one label together.
        """
        return self.after() if self.best.output.rebuilt else self.before()

    def source_rows(self) -> Examples | None:
        """Labelled rows of the source language."""
        return self.held.source if self.held.source is not None else self.held.source_test


def deadline(seconds: float) -> float:
    """The moment, by `time.monotonic`, until which work may begin."""
    return time.monotonic() + seconds
