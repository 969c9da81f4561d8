"""Use cases of aliases: say what one shall point to, point it there, read it, remove it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.domain.aliases import Alias, AliasMove
from app.domain.enums import ModelStatus, Task
from app.domain.errors.aliases import AliasNotFound, AliasOfAnotherName, ModelsNotAlike
from app.domain.errors.transfer_requests import RecordRejected
from app.domain.identity import now
from app.domain.models import ImageInput, Model, TextInput
from app.services.models import find_model
from app.store import aliases, models

_MOVES_SHOWN = 50


@dataclass(frozen=True)
class Beside:
    """A model that is wished beside the main one: a reference or a version, and its percentage."""

    model: str | int
    percent: float


@dataclass(frozen=True)
class AliasWish:
    """Where an alias shall point; a number, or digits, mean a version of the alias's own name."""

    model: str | int
    canary: Beside | None = None
    shadow: Beside | None = None


@dataclass(frozen=True)
class Expected:
    """The revisions of which an alias must be for a change; None: any, but it must be there."""

    revisions: frozenset[int] | None


@dataclass(frozen=True)
class AliasPlan:
    """An alias that is not written yet, and the models that must be loaded before it is.

    It is written only where the alias is as `expected`, if anything is.
    """

    alias: Alias
    models: tuple[Model, ...]
    expected: Expected | None = None


@dataclass(frozen=True)
class AliasDetails:
    """An alias with the models that it points to, by id, and where it pointed, newest first."""

    alias: Alias
    models: dict[str, Model]
    moves: tuple[AliasMove, ...] = ()


def plan_alias(
    session: Session, name: str, alias: str, wish: AliasWish, expected: Expected | None = None
) -> AliasPlan:
    """Check what an alias shall point to.

    Raises `AliasChanged`, `ModelNotFound`, `RecordRejected`, `AliasOfAnotherName` and
    `ModelsNotAlike`.
    """
    if expected is not None:
        aliases.require(session, name, alias, expected.revisions, lock=False)
    main = _ready(session, name, wish.model)
    if main.name != name:
        raise AliasOfAnotherName(name, _called(main))
    canary = _beside(session, main, "canary", wish.canary)
    shadow = _beside(session, main, "shadow", wish.shadow)
    planned = Alias(
        name=name,
        alias=alias,
        model_id=main.id,
        updated_at=now(),
        revision=0,
        canary_model_id=canary.id if canary else None,
        canary_percent=wish.canary.percent if wish.canary else None,
        shadow_model_id=shadow.id if shadow else None,
        shadow_percent=wish.shadow.percent if wish.shadow else None,
    )
    named = tuple(one for one in (main, canary, shadow) if one is not None)
    return AliasPlan(planned, named, expected)


def point_alias(session: Session, plan: AliasPlan) -> AliasDetails:
    """Write a plan.

    Raises `AliasChanged`, and `AliasInputsGone` where a model was deleted since.
    """
    if plan.expected is not None:
        aliases.require(session, plan.alias.name, plan.alias.alias, plan.expected.revisions)
    made = aliases.point(session, plan.alias)
    return AliasDetails(made, {model.id: model for model in plan.models})


def find_alias(session: Session, name: str, alias: str) -> AliasDetails:
    """An alias and its moves; raises `AliasNotFound`."""
    found = aliases.get(session, name, alias)
    if found is None:
        raise AliasNotFound(name, alias)
    moves = tuple(aliases.moves(session, name, alias, _MOVES_SHOWN))
    return AliasDetails(found, _models(session, found.model_ids), moves)


def list_aliases(session: Session, name: str) -> list[AliasDetails]:
    """All aliases of a name, without their moves."""
    found = aliases.of_name(session, name)
    known = _models(session, (id for alias in found for id in alias.model_ids))
    return [AliasDetails(alias, known) for alias in found]


def remove_alias(session: Session, name: str, alias: str, expected: Expected | None = None) -> None:
    """Remove an alias; raises `AliasNotFound` and `AliasChanged`."""
    if expected is not None:
        aliases.require(session, name, alias, expected.revisions)
    if not aliases.remove(session, name, alias):
        raise AliasNotFound(name, alias)


def _beside(session: Session, main: Model, role: str, wish: Beside | None) -> Model | None:
    if wish is None:
        return None
    model = _ready(session, main.name, wish.model)
    if difference := _difference(main, model):
        raise ModelsNotAlike(role, _called(model), _called(main), difference)
    return model


def _ready(session: Session, name: str, wished: str | int) -> Model:
    version = str(wished)
    model = find_model(session, f"{name}@{version}" if version.isdecimal() else version)
    if model.status is not ModelStatus.READY:
        raise RecordRejected(model.id)
    return model


def _difference(main: Model, model: Model) -> str:
    assert main.facts is not None
    assert model.facts is not None
    if model.id == main.id:
        return "it is the same model"
    if main.facts.task is Task.FEATURE_EXTRACTION:
        return "a model without labels gives no answers"
    if model.facts.task is not main.facts.task:
        return f"its task is {model.facts.task}, not {main.facts.task}"
    if not _takes_the_same(main.facts.input, model.facts.input):
        return "it takes other inputs"
    if odd := set(model.facts.labels) ^ set(main.facts.labels):
        return f"only one of them has the label(s) {', '.join(sorted(odd)[:5])}"
    return ""


def _takes_the_same(main: TextInput | ImageInput, other: TextInput | ImageInput) -> bool:
    if not (isinstance(main, ImageInput) and isinstance(other, ImageInput)):
        return type(main) is type(other)
    sides = [(one.channels, one.height, one.width) for one in (main, other)]
    return sides[0] == sides[1] or (other.resizes and main.channels == other.channels)


def _models(session: Session, ids: Iterable[str]) -> dict[str, Model]:
    found = ((id, models.get(session, id)) for id in set(ids))
    return {id: model for id, model in found if model is not None}


def _called(model: Model) -> str:
    return f"{model.name}@{model.version}"
