"""The cases of `joint`."""

from __future__ import annotations

from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters
from tests.contracts.cases.case import Case
from tests.contracts.cases.fine_tune import RATES, RUINOUS, quick
from tests.contracts.cases.tasks import Task, image_task, tagging_task, text_task


def _case(kind: str, task: Task) -> Case:
    def given(network: Network, parameters: Parameters) -> MethodInput:
        return MethodInput(
            network=network,
            parameters=parameters,
            train=task.train,
            validation=task.train,
            source=task.source,
            seed=3,
        )

    return Case(
        method="joint",
        kind=kind,
        build=task.build,
        given=given,
        unseen=task.unseen,
        learning=RATES | {"max_steps": 120},
        variants=(quick("lp-ft"), quick("full", target_share=0.25), {"strategy": "logistic"}),
        ruinous=RUINOUS | {"max_steps": 30},
        head_only=quick("head", max_steps=60) if kind == "image" else None,
    )


CASES = (
    _case("text", text_task()),
    _case("tagging", tagging_task()),
    _case("image", image_task()),
)
