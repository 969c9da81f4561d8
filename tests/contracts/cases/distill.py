"""The cases of `distill`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters
from tests.contracts.cases.bridge import PAIRS, TASK, bilingual
from tests.contracts.cases.case import Case
from tests.support.bilingual import ENGLISH, an_english_classifier, an_english_encoder

FAST = {"learning_rate": 3e-3, "max_steps": 40}


def _case(kind: str, build: Callable[[Path], object], validated: bool, target: str) -> Case:
    def given(network: Network, parameters: Parameters) -> MethodInput:
        return MethodInput(
            network=network,
            parameters=parameters,
            parallel=PAIRS,
            source_unlabelled=list(ENGLISH.inputs),
            validation=TASK.train if validated else None,
            auxiliary_model=bilingual(),
            source_language="en",
            target_language="de",
            seed=3,
        )

    return Case(
        method="distill",
        kind=kind,
        build=build,
        given=given,
        unseen=TASK.unseen,
        learning=FAST | {"target": target},
        variants=(FAST | {"target": target, "max_steps": 8},),
    )


CASES = (
    _case("vectors", an_english_encoder, False, "vectors"),
    _case("logits", an_english_classifier, True, "logits"),
)
