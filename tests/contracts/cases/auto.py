"""The cases of `auto`."""

from __future__ import annotations

import numpy as np

from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters
from tests.contracts.cases.case import Case
from tests.contracts.cases.tasks import Task, image_task, text_task

# Every candidate that trains the body is stopped before its turn.
CHEAP = {"body_rows": 1_000_000}


def _case(kind: str, task: Task, validated: bool) -> Case:
    half = len(task.train) // 2
    train = task.train.take(np.arange(half)) if validated else task.train
    validation = task.train.take(np.arange(half, len(task.train))) if validated else None

    def given(network: Network, parameters: Parameters) -> MethodInput:
        return MethodInput(
            network=network,
            parameters=parameters,
            train=train,
            validation=validation,
            source=task.source if kind == "text" else None,
            seed=3,
        )

    return Case(
        method="auto",
        kind=kind,
        build=task.build,
        given=given,
        unseen=task.unseen,
        learning=CHEAP,
        variants=(CHEAP,),
        head_only=CHEAP if kind == "text" else None,
    )


CASES = (_case("text", text_task(), True), _case("image", image_task(), False))
