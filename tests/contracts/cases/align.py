"""The cases of `align`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters
from tests.contracts.cases.case import Case
from tests.support.two_languages import two_languages

QUICK = {"vocabulary": 300, "patience": 2}


def auxiliary_model() -> Network:
    """The target language's vectors, loaded from a file."""
    with tempfile.TemporaryDirectory() as folder:
        two_languages().target_vectors(Path(folder) / "target.vec")
        found = detect_format(Path(folder))
        return found.load(Path(folder), found.inspect(Path(folder), ModelHints()))


def _case(kind: str, pairs: int, *variants: dict[str, Any], **learning: Any) -> Case:
    languages = two_languages()

    def given(network: Network, parameters: Parameters) -> MethodInput:
        return MethodInput(
            network=network,
            parameters=parameters,
            dictionary=languages.dictionary(pairs) if pairs else None,
            auxiliary_model=auxiliary_model(),
            source_language="en",
            target_language="de",
            seed=3,
        )

    return Case(
        method="align",
        kind=kind,
        build=languages.classifier,
        given=given,
        unseen=languages.texts("v"),
        learning=QUICK | learning,
        variants=tuple(QUICK | variant for variant in variants),
    )


CASES = (
    _case("dictionary", 150, {"refinement": "rcsls", "self_learning": False}),
    _case("few-pairs", 30, {"rounds": 4}, self_learning=True),
    _case("nothing", 0, {"seed_dictionary": "unsupervised"}, seed_dictionary="unsupervised"),
)
