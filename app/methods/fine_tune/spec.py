"""The specification of `fine-tune`, and the parameters of every method that trains."""

from __future__ import annotations

from pydantic import Field

from app.domain.enums import Format, Role, Task
from app.learn.training.recipe import Optimiser, Strategy, TrainingOptions
from app.methods.contract import MethodSpec, Parameters


class GradientParameters(Parameters):
    """What a user may choose of the steps; what is left out (null) follows from model and data."""

    epochs: int | None = Field(
        None, ge=1, le=10_000, description="Passes over the training rows, at most, per stage."
    )
    max_steps: int | None = Field(
        None, ge=1, le=1_000_000, description="Batches trained on, at most, per stage."
    )
    batch_size: int | None = Field(None, ge=1, le=4096, description="Rows of one batch.")
    learning_rate: float | None = Field(
        None, gt=0, le=10, description="Largest learning rate where more than the head is trained."
    )
    weight_decay: float = Field(0.01, ge=0, le=1, description="Decoupled decay of weights.")
    warm_up: float = Field(
        0.1, ge=0, le=0.9, description="Share of the steps in which the learning rate rises."
    )
    clip: float = Field(1.0, gt=0, le=1000, description="Largest norm of the gradient.")
    patience: int = Field(
        15,
        ge=1,
        le=1000,
        description="Checks on the validation rows without improvement before training stops.",
    )
    optimiser: Optimiser = Field(Optimiser.ADAMW, description="adamw, or sgd with momentum 0.9.")

    def options(self) -> TrainingOptions:
        """The same choices in the form in which `app.learn` takes them."""
        names = TrainingOptions.__dataclass_fields__.keys() & type(self).model_fields.keys()
        return TrainingOptions(**{name: getattr(self, name) for name in names})


class TrainingParameters(GradientParameters):
    """What a user may choose; what is left out (null) follows from the model and the data."""

    strategy: Strategy = Field(
        Strategy.LP_FT,
        description="full: train every parameter; head: only the head (quick, the body stays as "
        "it is; by regression around the source model's head, unless steps are asked for); "
        "logistic: the head alone by regression, kept near the source model's head as far as "
        "cross-validation lets it, for few labels; linear-probe: the head alone by regression "
        "from nothing, as if the source model had none; lp-ft: the head first, then every "
        "parameter; lora: the head first, then it and low-rank updates of the attention, for "
        "Hugging Face models; scratch: every parameter drawn anew, the control that shows what "
        "the source model was worth.",
    )
    head_learning_rate: float | None = Field(
        None, gt=0, le=10, description="Largest learning rate where only the head is trained."
    )
    class_weights: bool = Field(
        False, description="Weigh rows of rare labels more, so that each label counts the same."
    )
    augment: bool | None = Field(
        None,
        description="Train on images moved, turned and scaled a little at random; null means "
        "yes for images where the body is trained. Text is never changed.",
    )
    lora_rank: int = Field(8, ge=1, le=1024, description="lora: rank of the updates.")
    lora_alpha: int = Field(
        16, ge=1, le=10_000, description="lora: the updates are multiplied by this / lora_rank."
    )
    lora_targets: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="lora: ends of the names of the linear modules to update (query, v_proj); "
        "null takes every linear module within an attention.",
    )

    def without_effect(self) -> tuple[str, ...]:
        """A note naming the choices that a regression has no use for; none by gradient descent."""
        if self.strategy not in (Strategy.LOGISTIC, Strategy.LINEAR_PROBE):
            return ()
        chosen = [
            f"`{name}`"
            for name, field in TrainingParameters.model_fields.items()
            if name != "strategy" and getattr(self, name) != field.default
        ]
        if not chosen:
            return ()
        listed = ", ".join(chosen)
        return (f"The strategy `{self.strategy}` makes no steps: {listed} had no effect.",)


class FineTuneParameters(TrainingParameters):
    """The parameters of `fine-tune`."""


def stops_early(parameters: TrainingParameters) -> bool:
    """Whether training by these parameters is checked on validation rows."""
    return parameters.strategy is not Strategy.LOGISTIC


SPEC = MethodSpec(
    name="fine-tune",
    family="target-model transfer",
    summary="Train the source model further on labelled rows of the target language.",
    parameters=FineTuneParameters,
    required_roles=frozenset({Role.TRAIN}),
    optional_roles=frozenset({Role.VALIDATION, Role.TEST, Role.SOURCE_TEST}),
    tasks=frozenset(Task),
    formats=frozenset(Format),
    run="app.methods.fine_tune.method:run",
    data_parallel=True,
    uses_validation=stops_early,
)
