"""The case of `trim`: nothing is learnt, and nothing may be lost."""

from __future__ import annotations

from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters
from tests.contracts.cases.case import Case
from tests.contracts.cases.tasks import text_task

_TASK = text_task()


def _given(network: Network, parameters: Parameters) -> MethodInput:
    return MethodInput(
        network=network,
        parameters=parameters,
        unlabelled=_TASK.train.inputs,
        source=_TASK.source,
        seed=3,
    )


CASES = (
    Case(
        method="trim",
        kind="text",
        build=_TASK.build,
        given=_given,
        unseen=_TASK.unseen,
        variants=({}, {"rows": 300}),
        gain=0.0,
    ),
)
