"""The specification of `joint`."""

from __future__ import annotations

from pydantic import Field, field_validator

from app.domain.enums import Format, Role, Task
from app.learn.data.batch_sampler import temperature_shares
from app.learn.training.recipe import Strategy
from app.methods.contract import MethodSpec
from app.methods.fine_tune.spec import TrainingParameters, stops_early


class JointParameters(TrainingParameters):
    """The parameters of `joint`."""

    temperature: float = Field(
        1.5,
        ge=1,
        le=100,
        description="Shares of target and source rows in each batch are in proportion to their "
        "numbers to the power of 1 / temperature: 1 draws every row equally often, a high "
        "temperature both languages.",
    )
    target_share: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of each batch drawn from the target rows, instead of that which follows "
        "from the temperature; the rest are source rows.",
    )

    @field_validator("strategy")
    @classmethod
    def _uses_the_source(cls, strategy: Strategy) -> Strategy:
        if strategy is Strategy.LINEAR_PROBE:
            raise ValueError("joint has no strategy linear-probe; choose logistic, or fine-tune")
        return strategy

    def share_of_target(self, target: int, source: int) -> float:
        """The share of each batch that target rows get, by the numbers of rows."""
        if self.target_share is not None:
            return self.target_share
        return temperature_shares([target, source], self.temperature)[0]


SPEC = MethodSpec(
    name="joint",
    family="joint transfer",
    summary="Train on source and target rows mixed in every batch.",
    parameters=JointParameters,
    required_roles=frozenset({Role.TRAIN, Role.SOURCE}),
    optional_roles=frozenset({Role.UNLABELLED, Role.VALIDATION, Role.TEST, Role.SOURCE_TEST}),
    tasks=frozenset(Task),
    formats=frozenset(Format),
    run="app.methods.joint.method:run",
    data_parallel=True,
    uses_validation=stops_early,
)
