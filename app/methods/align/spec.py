"""The specification of `align`."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from app.domain.enums import AuxiliaryModelUse, Format, Role, Task
from app.learn.alignment.steps import NormalisationStep
from app.methods.contract import MethodSpec, Parameters


class SeedDictionary(StrEnum):
    """Where the first dictionary comes from."""

    DICTIONARY = "dictionary"
    IDENTICAL = "identical"
    UNSUPERVISED = "unsupervised"


class Refinement(StrEnum):
    """What is done to the map once the dictionary stands."""

    NONE = "none"
    RCSLS = "rcsls"


class AlignParameters(Parameters):
    """The parameters of `align`; what is left out (null) follows from what is given."""

    seed_dictionary: SeedDictionary | None = Field(
        None,
        description="dictionary: the pairs given; identical: words that are written alike in both "
        "languages; unsupervised: nothing but how similar words are within each language. Null "
        "means dictionary where there is one, else identical.",
    )
    self_learning: bool | None = Field(
        None,
        description="Improve dictionary and map by turns; null means yes unless the dictionary "
        "leaves at least five pairs for each number of a vector.",
    )
    refinement: Refinement = Field(
        Refinement.NONE,
        description="rcsls: go on from the orthogonal map by the gradient of relaxed CSLS.",
    )
    normalisation: tuple[NormalisationStep, ...] = Field(
        (NormalisationStep.UNIT, NormalisationStep.CENTER, NormalisationStep.UNIT),
        description="Steps before mapping, in their order: unit (each word to length 1), center "
        "(each dimension to mean 0), unitdim, centeremb.",
    )
    reweighting: float = Field(
        0.5,
        ge=0,
        le=1,
        description="The dictionary is read once more in a space that is whitened and weighted by "
        "the cross-correlation to this power (0.5: symmetric re-weighting); 0 leaves it.",
    )
    neighbours: int = Field(10, ge=1, le=100, description="Neighbours of CSLS.")
    vocabulary: int = Field(
        10_000,
        ge=100,
        le=1_000_000,
        description="The most frequent words of each language that self-learning works with.",
    )
    patience: int = Field(
        10, ge=1, le=1000, description="Rounds of self-learning without a better objective."
    )
    rounds: int = Field(500, ge=1, le=10_000, description="Rounds of self-learning at most.")
    held_out: float = Field(
        0.2,
        ge=0,
        le=0.8,
        description="Share of the dictionary's source words kept to measure how many "
        "translations are found; the map never sees them.",
    )


SPEC = MethodSpec(
    name="align",
    family="source-model transfer",
    summary="Map word vectors of the target language into the source model's space, under the "
    "same classifier.",
    parameters=AlignParameters,
    required_roles=frozenset(),
    optional_roles=frozenset({Role.DICTIONARY}),
    tasks=frozenset({Task.TEXT_CLASSIFICATION, Task.FEATURE_EXTRACTION}),
    formats=frozenset({Format.WORD_VECTORS}),
    run="app.methods.align.method:run",
    auxiliary_model=AuxiliaryModelUse.REQUIRED,
    auxiliary_formats=frozenset({Format.WORD_VECTORS}),
)
