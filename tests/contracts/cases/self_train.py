"""The cases of `self-train`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import Examples
from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters, method_named, run_of
from tests.contracts.cases.case import Case
from tests.contracts.cases.fine_tune import RATES, RUINOUS, quick
from tests.contracts.cases.tasks import Task, image_task, text_task

FEW = 9


def _fewer_labels(kind: str, task: Task) -> Case:
    """Few labelled rows beside many without labels; validation decides."""

    def given(network: Network, parameters: Parameters) -> MethodInput:
        return MethodInput(
            network=network,
            parameters=parameters,
            train=task.train.take(np.arange(FEW)),
            validation=task.train.take(np.arange(FEW, 3 * FEW)),
            unlabelled=task.train.inputs,
            seed=3,
        )

    return Case(
        method="self-train",
        kind=kind,
        build=task.build,
        given=given,
        unseen=task.unseen,
        learning=RATES | {"strategy": "lp-ft", "max_steps": 80, "rounds": 2},
        variants=(quick("lp-ft", rounds=1),),
        ruinous=RUINOUS | {"max_steps": 20, "rounds": 1},
    )


def _no_labels(task: Task) -> Case:
    """A reader of bars that has never seen them dark on light ground."""
    source = task.source

    def build(folder: Path) -> None:
        """Train the digit reader on the source rows."""
        task.build(folder)
        found = detect_format(folder)
        facts = found.inspect(folder, ModelHints())
        spec = method_named("fine-tune")
        parameters = spec.parameters.model_validate(RATES | {"strategy": "full", "max_steps": 60})
        trained = MethodInput(found.load(folder, facts), parameters, train=source)
        network = run_of(spec)(trained, NullMonitor()).network
        found.save(network, facts, folder)

    def given(network: Network, parameters: Parameters) -> MethodInput:
        return MethodInput(
            network=network,
            parameters=parameters,
            source=source,
            unlabelled=_dimmed(task.train).inputs,
            seed=3,
        )

    return Case(
        method="self-train",
        kind="image-without-labels",
        build=build,
        given=given,
        unseen=_dimmed(task.unseen),
        learning=RATES | {"strategy": "full", "max_steps": 60, "rounds": 3},
        variants=(quick("full", rounds=1),),
        head_only=quick("head", rounds=1),
        gain=0.1,
    )


def _dimmed(rows: Examples) -> Examples:
    """The same images in another hand: bars fainter, on ground less dark."""
    images = np.asarray(rows.inputs).astype(np.int64)
    return Examples((images // 4 + 120).astype(np.uint8), rows.targets, rows.rows)


CASES = (_fewer_labels("text", text_task()), _no_labels(image_task()))
