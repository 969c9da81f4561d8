"""What the API says about how a model is served."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class CheckAnswer(BaseModel):
    """How a candidate's answers compare to the network's own."""

    model_config = ConfigDict(from_attributes=True)

    rows: int = Field(description="How many inputs both answered.")
    real: bool = Field(
        description="Whether they are rows of the model's own evaluation; random tokens or pixels "
        "otherwise."
    )
    same_answers: float = Field(description="The share of inputs that both answer alike.")
    largest_difference: float = Field(description="Of any probability.")
    passed: bool
    metric: str | None = Field(description="The headline measure; null without labels.")
    reference: float | None = Field(description="The network's own value of it.")
    value: float | None = Field(description="The candidate's value of it.")


class CandidateAnswer(BaseModel):
    """One way to serve the model, as it was tried on the worker's machine."""

    model_config = ConfigDict(from_attributes=True)

    engine: str = Field(examples=["onnxruntime"])
    precision: str = Field(examples=["int8"])
    size_bytes: int = Field(description="What it holds in memory; 0 where it could not be made.")
    check: CheckAnswer | None
    batched_per_second: float | None = Field(
        description="Inputs per second in batches of 16 of like length, on one processor."
    )
    single_per_second: float | None = Field(
        description="Inputs per second one by one, on all processors."
    )
    failure: str = Field(description="Why it could not be made; empty otherwise.")


class ServingAnswer(BaseModel):
    """How a model is served."""

    model_config = ConfigDict(from_attributes=True)

    engine: str = Field(examples=["onnxruntime"])
    precision: str = Field(examples=["int8"])
    reason: str = Field(description="Why it was chosen, in a sentence.")
    sha256: str | None = Field(
        description="Of what was compiled; null where the model's own file is served."
    )
    check: CheckAnswer | None = Field(description="That of the candidate that was chosen.")
    candidates: list[CandidateAnswer] = Field(description="All that were tried.")
    failure: dict[str, Any] | None = Field(
        description="Why compiling failed: code, message, advice, fields."
    )
