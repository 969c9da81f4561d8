"""The cases of `fine-tune`."""

from __future__ import annotations

from typing import Any

from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters
from tests.contracts.cases.case import Case
from tests.contracts.cases.tasks import Task, image_task, label_set_task, tagging_task, text_task

# The tiny images' labels are positions of a bar, which moving the image would change.
RATES = {"learning_rate": 3e-3, "batch_size": 16, "augment": False}
RUINOUS = RATES | {"strategy": "full", "learning_rate": 10, "optimiser": "sgd", "warm_up": 0}


def quick(strategy: str, max_steps: int = 8, **chosen: Any) -> dict[str, Any]:
    """Parameters for a run of few steps."""
    return RATES | {"strategy": strategy, "max_steps": max_steps} | chosen


def _case(kind: str, task: Task, validated: bool, *variants: dict[str, Any]) -> Case:
    def given(network: Network, parameters: Parameters) -> MethodInput:
        return MethodInput(
            network=network,
            parameters=parameters,
            train=task.train,
            validation=task.train if validated else None,
            seed=3,
        )

    return Case(
        method="fine-tune",
        kind=kind,
        build=task.build,
        given=given,
        unseen=task.unseen,
        learning=RATES | {"max_steps": 250 if kind == "label-sets" else 120},
        variants=variants,
        ruinous=RUINOUS | {"max_steps": 30} if validated else None,
        # An untrained text encoder's vectors hold too little for validation to prefer any head.
        head_only=None if kind == "text" else quick("head", max_steps=60),
    )


CASES = (
    _case("text", text_task(), True, quick("lp-ft", class_weights=True)),
    _case(
        "text-without-validation",
        text_task(),
        False,
        quick("lora"),
        quick("scratch"),
        {"strategy": "logistic"},
    ),
    _case("tagging", tagging_task(), True, quick("lp-ft", class_weights=True)),
    _case("label-sets", label_set_task(), True, quick("lp-ft", class_weights=True)),
    _case("image", image_task(), True, quick("lp-ft", augment=True)),
    _case("image-without-validation", image_task(), False, quick("full", optimiser="sgd")),
)
