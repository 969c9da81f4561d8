"""The specification of `vocabulary`."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from app.domain.enums import AuxiliaryModelUse, Format, Role, Task
from app.methods.contract import MethodSpec, Parameters


class Initialisation(StrEnum):
    """Where the rows of new tokens come from."""

    INFORMED = "informed"  # from rows of the source model
    RANDOM = "random"  # drawn: the control that shows what the source model's rows were worth


class VocabularyParameters(Parameters):
    """The parameters of `vocabulary`."""

    vocab_size: int | None = Field(
        None,
        ge=50,
        le=200_000,
        description="Tokens of the tokenizer to train; null trains up to 16,000, as many as the "
        "texts yield. An auxiliary model's tokenizer is taken as it is.",
    )
    initialisation: Initialisation = Field(
        Initialisation.INFORMED,
        description="informed: new rows are made of the source model's; random: new rows are "
        "drawn, the control that shows what that is worth.",
    )
    neighbours: int = Field(
        10, ge=1, le=1000, description="Known tokens that a new row is the weighted mean of."
    )
    temperature: float = Field(
        0.1, gt=0, le=10, description="Divides the similarities before their softmax."
    )
    rows_steps: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Steps of masked-language training of the rows alone; the body stays frozen.",
    )
    all_steps: int = Field(
        0, ge=0, le=1_000_000, description="Steps of the same afterwards, of every parameter."
    )
    batch_size: int = Field(16, ge=1, le=4096, description="Texts of one batch.")
    rows_learning_rate: float = Field(
        1e-3, gt=0, le=10, description="Largest learning rate where the body is frozen."
    )
    learning_rate: float = Field(
        5e-5, gt=0, le=10, description="Largest learning rate where every parameter is trained."
    )
    mask_share: float = Field(
        0.15, gt=0, le=0.9, description="Share of each text's tokens to be guessed."
    )


SPEC = MethodSpec(
    name="vocabulary",
    family="source-model transfer",
    summary="Give the source model a tokenizer of the target language, whose embedding rows are "
    "made of rows that it has.",
    parameters=VocabularyParameters,
    required_roles=frozenset({Role.UNLABELLED}),
    optional_roles=frozenset({Role.DICTIONARY}),
    tasks=frozenset(
        {Task.TEXT_CLASSIFICATION, Task.MULTI_LABEL_CLASSIFICATION, Task.FEATURE_EXTRACTION}
    ),
    formats=frozenset({Format.HUGGINGFACE}),
    run="app.methods.vocabulary.method:run",
    auxiliary_model=AuxiliaryModelUse.OPTIONAL,
)
