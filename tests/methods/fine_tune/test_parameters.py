"""What a user is told of parameters that have no effect."""

from __future__ import annotations

import pytest

from app.methods.fine_tune.spec import FineTuneParameters
from app.methods.joint.spec import JointParameters
from app.methods.self_train.spec import SelfTrainParameters


@pytest.mark.parametrize("kind", [FineTuneParameters, JointParameters, SelfTrainParameters])
def test_steps_that_a_regression_does_not_make_are_named(
    kind: type[FineTuneParameters],
) -> None:
    chosen = kind.model_validate({"strategy": "logistic", "epochs": 3, "batch_size": 8})
    assert chosen.without_effect() == (
        "The strategy `logistic` makes no steps: `epochs`, `batch_size` had no effect.",
    )
    assert kind.model_validate({"strategy": "logistic"}).without_effect() == ()
    assert kind.model_validate({"strategy": "lp-ft", "epochs": 3}).without_effect() == ()
