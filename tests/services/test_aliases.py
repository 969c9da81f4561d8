"""Requests under an alias are divided between its model and its canary."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.requests import ModelNotFound
from app.services.aliases import Route, find_route
from app.store import aliases, models
from tests.support.records import a_model, an_alias

Sessions = sessionmaker[Session]


def test_a_route_has_the_models_of_its_alias_and_others_only_themselves(
    sessions: Sessions,
) -> None:
    route = _route(sessions, percent=10)
    assert route.alias is not None
    assert [one.model.version for one in (route.main, route.canary, route.shadow) if one] == [
        1,
        2,
        3,
    ]
    with sessions() as session:
        for reference in ("tickets", "tickets@3", route.main.model.id):
            alone = find_route(session, reference)
            assert (alone.alias, alone.canary, alone.shadow) == (None, None, None)
        with pytest.raises(ModelNotFound):
            find_route(session, "tickets@challenger")


def test_a_canary_gets_its_share_of_the_requests(sessions: Sessions) -> None:
    route, draw = _route(sessions, percent=10), random.Random(7).random
    versions = Counter(route.choose("", draw).model.version for _ in range(10_000))
    # Four standard deviations of a binomial count, 30 each.
    assert abs(versions[2] - 1000) < 120
    assert versions[1] + versions[2] == 10_000


def test_a_route_key_always_meets_the_same_model_and_keys_are_divided_by_the_share(
    sessions: Sessions,
) -> None:
    few, many = (_route(sessions, percent=share) for share in (10, 50))
    keys = [f"user-{number}" for number in range(10_000)]
    with_few = {key for key in keys if few.choose(key, _never).model.version == 2}
    with_many = {key for key in keys if many.choose(key, _never).model.version == 2}
    assert with_few == {key for key in keys if few.choose(key, _never).model.version == 2}
    assert abs(len(with_few) - 1000) < 120
    assert with_few < with_many


def test_a_canary_of_all_requests_answers_all(sessions: Sessions) -> None:
    route, draw = _route(sessions, percent=100), random.Random(7).random
    assert {route.choose("", draw).model.version for _ in range(100)} == {2}


def _route(sessions: Sessions, percent: float) -> Route:
    with sessions() as session:
        made = [a_model(version=version) for version in (1, 2, 3)]
        for model in made:
            if models.find(session, model.name, model.version) is None:
                models.insert(session, model)
        first, second, third = (models.find(session, "tickets", v) for v in (1, 2, 3))
        assert first
        assert second
        assert third
        beside = {"canary_model_id": second.id, "canary_percent": float(percent)}
        beside |= {"shadow_model_id": third.id, "shadow_percent": 100.0}
        aliases.point(session, an_alias(first, **beside))
        session.commit()
        return find_route(session, "tickets@champion")


def _never() -> float:
    raise AssertionError("a request with a route key was drawn for")
