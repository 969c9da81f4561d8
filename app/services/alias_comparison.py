"""How the models under an alias compare: what each answered, and where shadows differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.domain.alias_traffic import ModelTally, ShadowTally
from app.domain.models import Model
from app.learn.intervals import wilson
from app.services.aliases import find_alias
from app.store import alias_traffic, models


@dataclass(frozen=True)
class AliasComparison:
    """What was counted under an alias, and the models named in it, by id."""

    answers: list[ModelTally]
    shadows: list[ShadowTally]
    models: dict[str, Model]


def compare_under_alias(session: Session, name: str, alias: str, samples: int) -> AliasComparison:
    """All counts under an alias, with `samples` disagreements of each pair.

    Raises `AliasNotFound`.
    """
    known = dict(find_alias(session, name, alias).models)
    answers = alias_traffic.of_models(session, name, alias)
    shadows = alias_traffic.of_shadows(session, name, alias, samples)
    for id in {*_named(answers, shadows)} - set(known):
        if (model := models.get(session, id)) is not None:
            known[id] = model
    return AliasComparison(answers, shadows, known)


def share_of(hits: int, trials: int) -> dict[str, float] | None:
    """`value`, `low` and `high` of a share, with the 95% interval of Wilson (1927).

    None without trials. Live inputs are taken as independent: which of them repeat each other is
    not recorded.
    """
    if not trials:
        return None
    low, high = wilson(hits / trials, trials)
    return {"value": hits / trials, "low": low, "high": high}


def _named(answers: Iterable[ModelTally], shadows: Iterable[ShadowTally]) -> Iterable[str]:
    yield from (one.model_id for one in answers)
    for pair in shadows:
        yield from (pair.model_id, pair.shadow_model_id)
