"""Records come out of the tables as they went in, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from app.domain.enums import DatasetStatus, ModelStatus, Role, Task
from app.domain.identity import new_id
from app.domain.models import ImageInput
from app.domain.transfers import SampleSize
from app.store import datasets, evaluations, models, transfers
from app.store.database import session_factory
from tests.support.records import a_dataset, a_model, a_transfer, an_evaluation, queue_a_transfer

Sessions = sessionmaker[Session]


def test_a_model_of_images_comes_back_equal(sessions: Sessions) -> None:
    facts = a_model().facts
    assert facts is not None
    shape = ImageInput(1, 28, 28, mean=(0.5,), std=(0.25,), resizes=True)
    model = a_model(facts=replace(facts, task=Task.IMAGE_CLASSIFICATION, input=shape))
    with sessions() as session:
        models.insert(session, model)
        session.commit()
    with sessions() as session:
        assert models.get(session, model.id) == model


def test_a_rejected_model_comes_back_with_its_reason(sessions: Sessions) -> None:
    reason = {"code": "format-unknown", "message": "?", "advice": "!", "fields": {"names": ["a"]}}
    model = a_model(status=ModelStatus.REJECTED, facts=None, sha256=None, rejection=reason)
    with sessions() as session:
        models.insert(session, model)
        assert models.get(session, model.id) == model


def test_half_a_surrogate_pair_in_a_reason_comes_back_as_it_was(sessions: Sessions) -> None:
    reason = {"code": "format-unknown", "message": "what\ud83d?", "advice": "!", "fields": {}}
    model = a_model(status=ModelStatus.REJECTED, facts=None, sha256=None, rejection=reason)
    with sessions() as session:
        models.insert(session, model)
        assert models.get(session, model.id) == model


def test_a_dataset_comes_back_equal(sessions: Sessions) -> None:
    facts = a_dataset().facts
    assert facts is not None
    report = {"rows": 4, "labels": {"no": 2, "ወርቅ": 2}}
    dataset = a_dataset(
        name="ቋንቋ", facts=replace(facts, image_shape=(1, 28, 28), report=report), sha256="d" * 64
    )
    with sessions() as session:
        datasets.insert(session, dataset)
        assert datasets.get(session, dataset.id) == dataset


def test_a_transfer_comes_back_equal(sessions: Sessions) -> None:
    model, dataset, test = a_model(), a_dataset(), a_dataset()
    plain = a_transfer(model, dataset)
    spec = replace(
        plain.spec,
        datasets={Role.TRAIN: dataset.id, Role.TEST: test.id},
        sample=SampleSize(per_class=8),
        parameters={"strategy": "lp-ft", "learning_rate": None},
    )
    transfer = replace(plain, spec=spec)
    with sessions() as session:
        models.insert(session, model)
        datasets.insert(session, dataset)
        datasets.insert(session, test)
        transfers.insert(session, transfer)
        assert transfers.get(session, transfer.id) == transfer


def test_evaluations_of_a_transfer_come_in_the_order_they_were_made(sessions: Sessions) -> None:
    with sessions() as session:
        transfer = queue_a_transfer(session)
        made = [an_evaluation(transfer) for _ in range(3)]
        for evaluation in made:
            evaluations.insert(session, evaluation)
        assert evaluations.of_transfer(session, transfer.id) == made
        assert evaluations.get(session, made[0].id) == made[0]


def test_a_number_that_is_none_is_kept_as_null(sessions: Sessions) -> None:
    with sessions() as session:
        transfer = queue_a_transfer(session)
        evaluation = an_evaluation(transfer, metrics={"recall": float("nan")})
        evaluations.insert(session, evaluation)
        stored = evaluations.get(session, evaluation.id)
        assert stored is not None
        assert stored.metrics == {"recall": None}


def test_what_is_not_there_is_none(sessions: Sessions) -> None:
    with sessions() as session:
        assert models.get(session, new_id("mdl")) is None
        assert datasets.get(session, new_id("dst")) is None
        assert transfers.get(session, new_id("trf")) is None
        assert evaluations.get(session, new_id("evl")) is None


def test_a_reading_session_reads_but_refuses_to_write(sessions: Sessions) -> None:
    model = a_model()
    with sessions() as session:
        models.insert(session, model)
        session.commit()
        reading = session_factory(session.get_bind().engine, reads_only=True)
    with reading() as session:
        assert models.get(session, model.id) == model
        with pytest.raises(DBAPIError):
            datasets.insert(session, a_dataset(status=DatasetStatus.READY))
    with sessions() as session:
        datasets.insert(session, a_dataset())
        session.commit()
