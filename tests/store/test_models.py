"""Names, versions and deletion of models and datasets, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from app.domain.enums import ModelStatus
from app.domain.errors.transfers import NeededByTransfers, TransferInputsGone
from app.store import datasets, evaluations, job_queue, models, transfers, usage
from tests.support.records import a_dataset, a_model, a_transfer, an_evaluation, queue_a_transfer

Sessions = sessionmaker[Session]


def test_versions_of_a_name_count_from_one(sessions: Sessions) -> None:
    with sessions() as session:
        assert [models.next_version(session, "a") for _ in range(3)] == [1, 2, 3]
        assert models.next_version(session, "b") == 1


def test_a_version_inserted_by_hand_is_counted_too(sessions: Sessions) -> None:
    with sessions() as session:
        models.insert(session, a_model(version=4))
        models.insert(session, a_model(version=2))
        assert models.next_version(session, "tickets") == 5


def test_the_version_of_a_deleted_model_is_not_given_again(sessions: Sessions) -> None:
    with sessions() as session:
        model = a_model(version=models.next_version(session, "tickets"))
        models.insert(session, model)
        models.delete(session, model.id)
        assert models.next_version(session, "tickets") == 2


def test_two_models_of_one_name_and_version_are_refused(sessions: Sessions) -> None:
    with sessions() as session:
        models.insert(session, a_model())
        with pytest.raises(IntegrityError):
            models.insert(session, a_model())


def test_versions_taken_at_the_same_time_are_distinct(sessions: Sessions) -> None:
    workers = 6
    together = threading.Barrier(workers)

    def register(_: int) -> None:
        together.wait(30)
        for _ in range(4):
            with sessions() as session:
                version = models.next_version(session, "tickets")
                models.insert(session, a_model(version=version))
                session.commit()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(register, range(workers)))
    with sessions() as session:
        versions = {model.version for model in models.page(session, 100).items}
    assert versions == set(range(1, 25))


def test_a_name_alone_finds_its_newest_ready_version(sessions: Sessions) -> None:
    with sessions() as session:
        made = [a_model(version=version) for version in (1, 2)]
        broken = a_model(version=3, status=ModelStatus.REJECTED, facts=None, sha256=None)
        for model in [*made, broken]:
            models.insert(session, model)
        assert models.find(session, "tickets") == made[1]
        assert models.find(session, "tickets", 1) == made[0]
        assert models.find(session, "tickets", 3) == broken
        assert models.find(session, "tickets", 4) is None
        assert models.find(session, "nobody") is None


def test_deleting_is_refused_while_a_transfer_waits_or_runs(sessions: Sessions) -> None:
    with sessions() as session:
        transfer = queue_a_transfer(session)
        model, dataset = transfer.spec.model_id, next(iter(transfer.spec.datasets.values()))
        for _ in ("queued", "running"):
            assert models.users(session, model) == [transfer.id]
            assert datasets.users(session, dataset) == [transfer.id]
            with pytest.raises(NeededByTransfers):
                models.delete(session, model)
            with pytest.raises(NeededByTransfers):
                datasets.delete(session, dataset)
            job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        job_queue.fail(session, transfer.id, 1, {})
        models.delete(session, model)
        datasets.delete(session, dataset)
        assert models.get(session, model) is None
        assert datasets.get(session, dataset) is None
        assert transfers.get(session, transfer.id) is not None


def test_a_model_is_deleted_though_another_was_made_from_it(sessions: Sessions) -> None:
    with sessions() as session:
        parent = a_model()
        child = a_model(name="tickets-de", parent_id=parent.id)
        models.insert(session, parent)
        models.insert(session, child)
        models.delete(session, parent.id)
        assert models.get(session, child.id) == child


def test_a_model_is_never_deleted_under_a_transfer_queued_at_the_same_time(
    sessions: Sessions,
) -> None:
    for _ in range(8):
        model, dataset = a_model(name=a_model().id), a_dataset()
        with sessions() as session:
            models.insert(session, model)
            datasets.insert(session, dataset)
            session.commit()
        transfer = a_transfer(model, dataset)
        refused = _at_once(
            sessions,
            lambda session, transfer=transfer: transfers.insert(session, transfer),
            lambda session, model=model: models.delete(session, model.id),
        )
        assert refused in ([TransferInputsGone], [NeededByTransfers])
        with sessions() as session:
            queued = transfers.get(session, transfer.id) is not None
            assert queued == (models.get(session, model.id) is not None)


def test_a_digest_is_in_use_by_models_datasets_and_evaluations(sessions: Sessions) -> None:
    with sessions() as session:
        transfer = queue_a_transfer(session)
        evaluations.insert(session, an_evaluation(transfer, predictions_sha256="e" * 64))
        for digest in ("a", "c", "e"):
            assert usage.digest_in_use(session, digest * 64)
        assert not usage.digest_in_use(session, "f" * 64)


def test_a_digest_shared_by_two_models_stays_in_use_when_one_goes(sessions: Sessions) -> None:
    with sessions() as session:
        first = a_model()
        second = replace(a_model(), version=2)
        models.insert(session, first)
        models.insert(session, second)
        models.delete(session, first.id)
        assert usage.digest_in_use(session, "a" * 64)
        models.delete(session, second.id)
        assert not usage.digest_in_use(session, "a" * 64)


def _at_once(sessions: Sessions, *works: Callable[[Session], None]) -> list[type[BaseException]]:
    """Each work in a transaction of its own, at the same time; the kinds of what they raised."""
    together = threading.Barrier(len(works))

    def carry_out(work: Callable[[Session], None]) -> None:
        together.wait(30)
        with sessions() as session:
            work(session)
            session.commit()

    with ThreadPoolExecutor(len(works)) as pool:
        outcomes = [pool.submit(carry_out, work) for work in works]
    return [type(error) for outcome in outcomes if (error := outcome.exception())]
