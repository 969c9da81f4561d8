"""Use cases of aliases: point one at models, route requests among these, compare their answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.domain.aliases import Alias, AliasMove, ModelTally, ShadowTally
from app.domain.enums import ModelStatus, Task
from app.domain.errors.requests import (
    AliasNotFound,
    AliasOfAnotherName,
    ModelNotFound,
    ModelsNotAlike,
)
from app.domain.errors.transfers import RecordRejected
from app.domain.identity import now
from app.domain.models import ImageInput, Model, Servable, TextInput
from app.learn.intervals import wilson
from app.services.models import find_model, servable_of
from app.store import aliases, models

_MOVES_SHOWN = 50
RandomDraw = Callable[[], float]


@dataclass(frozen=True)
class SecondaryModel:
    """A model requested beside the main one: a reference or a version, and its percentage."""

    model: str | int
    percent: float


@dataclass(frozen=True)
class AliasRequest:
    """Where an alias shall point; a number, or digits, mean a version of the alias's own name."""

    model: str | int
    canary: SecondaryModel | None = None
    shadow: SecondaryModel | None = None


@dataclass(frozen=True)
class ExpectedRevisions:
    """The revisions of which an alias must be for a change; None: any, but it must be there."""

    revisions: frozenset[int] | None


@dataclass(frozen=True)
class AliasPlan:
    """An alias that is not written yet, and the models that must be loaded before it is.

    It is written only where the alias is as `expected`, if anything is.
    """

    alias: Alias
    models: tuple[Model, ...]
    expected: ExpectedRevisions | None = None


@dataclass(frozen=True)
class AliasDetails:
    """An alias with the models that it points to, by id, and where it pointed, newest first."""

    alias: Alias
    models: dict[str, Model]
    moves: tuple[AliasMove, ...] = ()


def plan_alias(
    session: Session,
    name: str,
    alias: str,
    request: AliasRequest,
    expected: ExpectedRevisions | None = None,
) -> AliasPlan:
    """Check what an alias shall point to.

    Raises `AliasChanged`, `ModelNotFound`, `RecordRejected`, `AliasOfAnotherName` and
    `ModelsNotAlike`.
    """
    if expected is not None:
        aliases.require(session, name, alias, expected.revisions, lock=False)
    main = _ready_model(session, name, request.model)
    if main.name != name:
        raise AliasOfAnotherName(name, _versioned_name(main))
    canary = _secondary_model(session, main, "canary", request.canary)
    shadow = _secondary_model(session, main, "shadow", request.shadow)
    planned = Alias(
        name=name,
        alias=alias,
        model_id=main.id,
        updated_at=now(),
        revision=0,
        canary_model_id=canary.id if canary else None,
        canary_percent=request.canary.percent if request.canary else None,
        shadow_model_id=shadow.id if shadow else None,
        shadow_percent=request.shadow.percent if request.shadow else None,
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


def remove_alias(
    session: Session, name: str, alias: str, expected: ExpectedRevisions | None = None
) -> None:
    """Remove an alias; raises `AliasNotFound` and `AliasChanged`."""
    if expected is not None:
        aliases.require(session, name, alias, expected.revisions)
    if not aliases.remove(session, name, alias):
        raise AliasNotFound(name, alias)


def _secondary_model(
    session: Session, main: Model, role: str, request: SecondaryModel | None
) -> Model | None:
    if request is None:
        return None
    model = _ready_model(session, main.name, request.model)
    if difference := _difference(main, model):
        raise ModelsNotAlike(role, _versioned_name(model), _versioned_name(main), difference)
    return model


def _ready_model(session: Session, name: str, reference: str | int) -> Model:
    version = str(reference)
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
    if not _same_inputs(main.facts.input, model.facts.input):
        return "it takes other inputs"
    if odd := set(model.facts.labels) ^ set(main.facts.labels):
        return f"only one of them has the label(s) {', '.join(sorted(odd)[:5])}"
    return ""


def _same_inputs(main: TextInput | ImageInput, other: TextInput | ImageInput) -> bool:
    if not (isinstance(main, ImageInput) and isinstance(other, ImageInput)):
        return type(main) is type(other)
    sides = [(one.channels, one.height, one.width) for one in (main, other)]
    return sides[0] == sides[1] or (other.resizes and main.channels == other.channels)


def _models(session: Session, ids: Iterable[str]) -> dict[str, Model]:
    found = ((id, models.get(session, id)) for id in set(ids))
    return {id: model for id, model in found if model is not None}


def _versioned_name(model: Model) -> str:
    return f"{model.name}@{model.version}"


@dataclass(frozen=True)
class ServedModel:
    """A model as it is recorded, and as it is served."""

    model: Model
    servable: Servable


@dataclass(frozen=True)
class Route:
    """The model that a reference means; where it is by an alias, those beside it too."""

    main: ServedModel
    alias: Alias | None = None
    canary: ServedModel | None = None
    shadow: ServedModel | None = None

    def choose(self, key: str, draw: RandomDraw) -> ServedModel:
        """The model that answers one request: the canary with its share, the main one otherwise.

        The same `key` gets the same model as long as the share does not shrink; without a key
        `draw` decides, a number of [0, 1).
        """
        if self.alias is None or self.canary is None or self.alias.canary is None:
            return self.main
        place = _hash_fraction(f"{self.alias.name}@{self.alias.alias}", key) if key else draw()
        return self.canary if place * 100 < self.alias.canary.percent else self.main

    def is_shadowed(self, draw: RandomDraw) -> bool:
        """Whether the shadow is to answer a request too that the main model answered."""
        share = self.alias.shadow if self.alias is not None and self.shadow is not None else None
        return share is not None and draw() * 100 < share.percent


def find_route(session: Session, reference: str) -> Route:
    """Who answers for a reference; raises `ModelNotFound` and `ModelCannotPredict`."""
    name, _, alias = reference.partition("@")
    found = aliases.get(session, name, alias) if alias and not alias.isdecimal() else None
    if found is None:
        return Route(_served(session, find_model(session, reference)))
    main = _served_by_id(session, found.model_id)
    if main is None:
        raise ModelNotFound(reference)
    beside = (_served_by_id(session, id) for id in (found.canary_model_id, found.shadow_model_id))
    return Route(main, found, *beside)


def _served_by_id(session: Session, id: str | None) -> ServedModel | None:
    model = models.get(session, id) if id is not None else None
    return None if model is None else _served(session, model)


def _served(session: Session, model: Model) -> ServedModel:
    return ServedModel(model, servable_of(session, model))


def _hash_fraction(alias: str, key: str) -> float:
    """A number of [0, 1) that is always the same for a key, and another under another alias."""
    digest = hashlib.blake2b(f"{alias}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(frozen=True)
class AliasComparison:
    """What was counted under an alias, and the models named in it, by id."""

    answers: list[ModelTally]
    shadows: list[ShadowTally]
    models: dict[str, Model]


def compare_alias_models(session: Session, name: str, alias: str, samples: int) -> AliasComparison:
    """All counts under an alias, with `samples` disagreements of each pair.

    Raises `AliasNotFound`.
    """
    known = dict(find_alias(session, name, alias).models)
    answers = aliases.model_tallies(session, name, alias)
    shadows = aliases.shadow_tallies(session, name, alias, samples)
    for id in {*_counted_model_ids(answers, shadows)} - set(known):
        if (model := models.get(session, id)) is not None:
            known[id] = model
    return AliasComparison(answers, shadows, known)


def share_with_interval(hits: int, trials: int) -> dict[str, float] | None:
    """`value`, `low` and `high` of a share, with the 95% interval of Wilson (1927).

    None without trials. Live inputs are taken as independent: which of them repeat each other is
    not recorded.
    """
    if not trials:
        return None
    low, high = wilson(hits / trials, trials)
    return {"value": hits / trials, "low": low, "high": high}


def _counted_model_ids(
    answers: Iterable[ModelTally], shadows: Iterable[ShadowTally]
) -> Iterable[str]:
    yield from (one.model_id for one in answers)
    for pair in shadows:
        yield from (pair.model_id, pair.shadow_model_id)
