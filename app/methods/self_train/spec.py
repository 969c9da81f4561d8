"""The specification of `self-train`."""

from __future__ import annotations

from pydantic import Field, field_validator

from app.domain.enums import Format, Role, Task
from app.learn.training.recipe import Strategy
from app.methods.contract import MethodSpec
from app.methods.fine_tune.spec import TrainingParameters, stops_early


class SelfTrainParameters(TrainingParameters):
    """The parameters of `self-train`."""

    strategy: Strategy = Field(
        Strategy.LOGISTIC,
        description="What each round trains: logistic (the head, as a regression on vectors, in "
        "tenths of a second; where source rows are missing or the head is not one linear layer, "
        "head is taken), head (by gradient descent; every input is encoded once for all rounds), "
        "full, lp-ft or lora as in fine-tune; each round starts from the source model.",
    )

    rounds: int = Field(
        3, ge=1, le=20, description="Times that the model labels and trains again, at most."
    )
    first_share: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Share of each class's inputs, the surest ones, that the first round keeps.",
    )
    last_share: float = Field(
        0.6, gt=0, le=1, description="The same for the last round; between them it grows evenly."
    )
    least_confidence: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Calibrated confidence below which no input is kept, whatever its class.",
    )
    match_shares: bool = Field(
        True,
        description="Shift the head's biases so that labels are predicted as often as the labelled "
        "rows say, at most as far as the model expects to be wrong; switch it off where labels are "
        "spread otherwise in the target language.",
    )
    labelled_weight: float = Field(
        2.0, gt=0, le=1000, description="Weight of a labelled target row beside a source row."
    )
    kept_weight: float = Field(
        1.0, gt=0, le=1000, description="Weight of a row that the model labelled itself."
    )

    @field_validator("strategy")
    @classmethod
    def _rounds_train(cls, strategy: Strategy) -> Strategy:
        if strategy is Strategy.LINEAR_PROBE:
            raise ValueError("self-train has no strategy linear-probe; choose logistic or head")
        return strategy

    def share_of_round(self, number: int) -> float:
        """The share of each class's inputs that round `number`, counted from 1, keeps."""
        grown = (number - 1) / max(1, self.rounds - 1)
        return self.first_share + grown * (self.last_share - self.first_share)


SPEC = MethodSpec(
    name="self-train",
    family="adjustment",
    summary="Let the model label target inputs, keep what it is sure of, and train on that.",
    parameters=SelfTrainParameters,
    required_roles=frozenset({Role.UNLABELLED}),
    optional_roles=frozenset(
        {
            Role.TRAIN,
            Role.SOURCE,
            Role.SOURCE_UNLABELLED,
            Role.VALIDATION,
            Role.TEST,
            Role.SOURCE_TEST,
        }
    ),
    tasks=frozenset({Task.TEXT_CLASSIFICATION, Task.IMAGE_CLASSIFICATION, Task.FEATURE_EXTRACTION}),
    formats=frozenset(Format),
    run="app.methods.self_train.method:run",
    uses_validation=stops_early,
)
