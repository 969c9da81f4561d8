"""What of a model's record is needed to answer for it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.domain.enums import Task
from app.domain.errors.predictions import ModelCannotPredict, WindowUnusable
from app.domain.models import Model, ModelFacts
from app.domain.predictions import Window
from app.domain.serving import Compiled, Servable


def servable_of(session: Session, model: Model) -> Servable:
    """The model as it is served; raises `ModelCannotPredict` for a rejected one."""
    if model.facts is None or model.sha256 is None:
        reason, advice = "its file was rejected", "Read the model's `rejection` and upload again."
        raise ModelCannotPredict(model.name, reason, advice)
    found = model.serving
    compiled = Compiled(found.engine, found.precision, found.sha256) if found else None
    return Servable(model.id, model.name, model.version, model.sha256, model.facts, compiled)


def require_windows_fit(facts: ModelFacts, window: Window | None) -> None:
    """Raises `WindowUnusable` where a window is given for another model than of texts' labels."""
    classifies = facts.task in (Task.TEXT_CLASSIFICATION, Task.MULTI_LABEL_CLASSIFICATION)
    if window is not None and not classifies:
        raise WindowUnusable(facts.task)
