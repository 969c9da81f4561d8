"""The cases of `bridge`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.learn.data.examples import TextPairs
from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters
from tests.contracts.cases.case import Case
from tests.contracts.cases.tasks import text_task
from tests.support.bilingual import (
    ENGLISH,
    a_bilingual_classifier,
    a_bilingual_encoder,
    an_english_classifier,
    an_english_encoder,
)
from tests.support.bridged_models import read_network

TASK = text_task()


@lru_cache(maxsize=1)
def _auxiliary_model() -> TemporaryDirectory[str]:
    folder: TemporaryDirectory[str] = TemporaryDirectory()
    a_bilingual_encoder(Path(folder.name))
    return folder


def bilingual() -> Network:
    """The bilingual encoder, loaded anew."""
    return read_network(Path(_auxiliary_model().name))


def _case(kind: str, build: Callable[[Path], object], gain: float = 0.2, **roles: Any) -> Case:
    auxiliary_model = roles.pop("auxiliary_model", True)

    def given(network: Network, parameters: Parameters) -> MethodInput:
        return MethodInput(
            network=network,
            parameters=parameters,
            auxiliary_model=bilingual() if auxiliary_model else None,
            source_language="en",
            target_language="de",
            **roles,
        )

    return Case(
        method="bridge",
        kind=kind,
        build=build,
        given=given,
        unseen=TASK.unseen,
        variants=({"fragments": False, "rank": 16, "strength": 0.1},),
        gain=gain,
    )


ENGLISH_TEXT = list(ENGLISH.inputs)
GERMAN_TEXT = list(TASK.train.inputs)
PAIRS = TextPairs(tuple(ENGLISH_TEXT[row - 1] for row in TASK.train.rows), tuple(GERMAN_TEXT))
CASES = (
    _case("classifier", an_english_classifier, source=ENGLISH, unlabelled=GERMAN_TEXT),
    _case("encoder", an_english_encoder, source_unlabelled=ENGLISH_TEXT, unlabelled=GERMAN_TEXT),
    _case(
        "pairs",
        an_english_encoder,
        source=ENGLISH,
        parallel=PAIRS,
    ),
    _case(
        "centring",
        a_bilingual_classifier,
        gain=0.0,
        source=ENGLISH,
        unlabelled=GERMAN_TEXT,
        auxiliary_model=False,
    ),
)
