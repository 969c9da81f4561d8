"""What `fine-tune` is, for the catalog."""

from __future__ import annotations

from app.domain.enums import Format, Role, Task
from app.methods.contract import MethodSpec
from app.methods.training_parameters import TrainingParameters, stops_early


class FineTuneParameters(TrainingParameters):
    """The parameters of `fine-tune`."""


SPEC = MethodSpec(
    name="fine-tune",
    family="target-model transfer",
    summary="Train the source model further on labelled rows of the target language.",
    parameters=FineTuneParameters,
    required_roles=frozenset({Role.TRAIN}),
    optional_roles=frozenset({Role.VALIDATION, Role.TEST, Role.SOURCE_TEST}),
    tasks=frozenset(Task),
    formats=frozenset(Format),
    run="app.methods.fine_tune.run:run",
    data_parallel=True,
    uses_validation=stops_early,
)
