"""Aliases in the database, on both kinds."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.aliases import Alias
from app.domain.errors.requests import AliasInputsGone, ModelNotFound, NeededByAlias
from app.services.models import find_model
from app.store import aliases, models
from tests.support.records import a_model, an_alias

Sessions = sessionmaker[Session]


def test_a_reference_by_alias_means_the_model_that_it_points_to(sessions: Sessions) -> None:
    with sessions() as session:
        first, second = _two_versions(session)
        aliases.point(session, an_alias(first))
        assert find_model(session, "tickets@champion") == first
        assert find_model(session, "tickets") == second
        assert find_model(session, "tickets@2") == second
        aliases.point(session, an_alias(second))
        assert find_model(session, "tickets@champion") == second
        for nobody in ("tickets@challenger", "others@champion", "tickets@Champion"):
            with pytest.raises(ModelNotFound):
                find_model(session, nobody)


def test_moves_tell_where_an_alias_pointed_and_only_those(sessions: Sessions) -> None:
    with sessions() as session:
        first, second = _two_versions(session)
        aliases.point(session, an_alias(first))
        aliases.point(session, an_alias(second))
        made = aliases.point(
            session, an_alias(second, canary_model_id=first.id, canary_percent=5.0)
        )
        assert made.revision == 3
        assert aliases.remove(session, "tickets", "champion")
        assert not aliases.remove(session, "tickets", "champion")
        again = aliases.point(session, an_alias(first))
        moves = aliases.moves(session, "tickets", "champion", 10)
        assert [move.model_id for move in moves] == [first.id, None, second.id, first.id]
        assert again.revision == moves[0].sequence == 5
        assert aliases.get(session, "tickets", "champion") == again
        assert aliases.of_name(session, "tickets") == [again]


@pytest.mark.parametrize("place", ["model_id", "canary_model_id", "shadow_model_id"])
def test_a_model_that_an_alias_points_to_is_not_deleted(sessions: Sessions, place: str) -> None:
    with sessions() as session:
        first, second = _two_versions(session)
        shares = {"canary_percent": 5.0, "shadow_percent": 100.0}
        aliases.point(session, an_alias(second, **{place: first.id} | shares))
        with pytest.raises(NeededByAlias) as refused:
            models.delete(session, first.id)
        assert refused.value.fields["aliases"] == ["tickets@champion"]
        aliases.remove(session, "tickets", "champion")
        models.delete(session, first.id)


def test_an_alias_is_not_pointed_to_a_model_that_is_gone(sessions: Sessions) -> None:
    with sessions() as session, pytest.raises(AliasInputsGone):
        aliases.point(session, an_alias(a_model()))


def test_a_model_is_never_deleted_under_an_alias_set_at_the_same_time(sessions: Sessions) -> None:
    for _ in range(8):
        model = a_model(name=a_model().id)
        with sessions.begin() as session:
            models.insert(session, model)
        together = threading.Barrier(2)

        def point(model=model, together=together) -> None:
            together.wait(30)
            with sessions.begin() as session:
                aliases.point(session, an_alias(model, name=model.name))

        def delete(model=model, together=together) -> None:
            together.wait(30)
            with sessions.begin() as session:
                models.delete(session, model.id)

        with ThreadPoolExecutor(2) as pool:
            works = [pool.submit(point), pool.submit(delete)]
            kinds = [type(error) for work in works if (error := work.exception())]
        assert kinds in ([AliasInputsGone], [NeededByAlias])


def test_changes_at_the_same_time_all_count(sessions: Sessions) -> None:
    with sessions.begin() as session:
        made = _two_versions(session)
    together = threading.Barrier(4)

    def point(turn: int) -> Alias:
        together.wait(30)
        with sessions.begin() as session:
            return aliases.point(session, an_alias(made[turn % 2]))

    with ThreadPoolExecutor(4) as pool:
        revisions = sorted(alias.revision for alias in pool.map(point, range(4)))
    assert revisions == [1, 2, 3, 4]
    with sessions() as session:
        newest = aliases.moves(session, "tickets", "champion", 1)[0]
        pointing = aliases.get(session, "tickets", "champion")
    assert pointing is not None
    assert newest.model_id == pointing.model_id


def _two_versions(session: Session) -> list:
    made = [a_model(version=version) for version in (1, 2)]
    for model in made:
        models.insert(session, model)
    return made
