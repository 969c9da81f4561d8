"""The specification of `trim`."""

from __future__ import annotations

from pydantic import Field

from app.domain.enums import Format, Role, Task
from app.methods.contract import MethodSpec, Parameters


class TrimParameters(Parameters):
    """The parameters of `trim`."""

    rows: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        description="Rows of the embedding to keep. The tokens seen in the texts come first, the "
        "frequent ones before the rare ones; room that is left goes to tokens that look like "
        "them. Null keeps what the texts need and no more.",
    )
    min_count: int = Field(
        1, ge=1, le=1_000_000, description="Times that the texts must use a token to keep it."
    )
    characters: str = Field(
        "",
        max_length=100_000,
        description="Characters to keep, beside those of the scripts that the texts use.",
    )
    script_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of the texts' letters from which on every single letter of a script "
        "is kept, so that unseen words can still be spelled.",
    )


SPEC = MethodSpec(
    name="trim",
    family="source-model transfer",
    summary="Cut the vocabulary down to the languages to serve, which makes the model smaller "
    "and leaves its answers in them as they are.",
    parameters=TrimParameters,
    required_roles=frozenset(),
    optional_roles=frozenset(),
    one_of=frozenset({Role.UNLABELLED, Role.SOURCE_UNLABELLED, Role.SOURCE}),
    tasks=frozenset(
        {Task.TEXT_CLASSIFICATION, Task.MULTI_LABEL_CLASSIFICATION, Task.FEATURE_EXTRACTION}
    ),
    formats=frozenset({Format.HUGGINGFACE}),
    run="app.methods.trim.method:run",
)
