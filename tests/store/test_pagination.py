"""Pages of lists, on both databases."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.enums import ModelStatus
from app.domain.errors.requests import CursorUnknown
from app.domain.identity import now
from app.domain.jobs import JobState
from app.store import datasets, evaluations, job_queue, models, transfers
from tests.support.records import a_dataset, a_model, an_evaluation, queue_a_transfer

Sessions = sessionmaker[Session]


def test_pages_together_hold_every_row_once_and_the_newest_first(sessions: Sessions) -> None:
    start = now()
    with sessions() as session:
        # Pairs share their moment: the id decides between them.
        made = [a_model(version=n, created_at=start + timedelta(seconds=n // 2)) for n in range(7)]
        for model in made:
            models.insert(session, model)
        seen, cursor = [], None
        while True:
            page = models.page(session, 3, cursor)
            seen += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == sorted(made, key=lambda m: (m.created_at, m.id), reverse=True)


def test_rows_added_meanwhile_do_not_shift_the_next_page(sessions: Sessions) -> None:
    with sessions() as session:
        made = [a_dataset() for _ in range(4)]
        for dataset in made:
            datasets.insert(session, dataset)
        first = datasets.page(session, 2)
        datasets.insert(session, a_dataset())
        second = datasets.page(session, 2, first.next_cursor)
    assert [*first.items, *second.items] == made[::-1]
    assert second.next_cursor is None


def test_an_exactly_full_page_is_the_last(sessions: Sessions) -> None:
    with sessions() as session:
        for version in (1, 2):
            models.insert(session, a_model(version=version))
        assert models.page(session, 2).next_cursor is None


def test_an_empty_list_is_one_empty_page(sessions: Sessions) -> None:
    with sessions() as session:
        page = transfers.page(session, 10)
    assert (list(page.items), page.next_cursor) == ([], None)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!!!",
        "AAAA",
        "é",
        base64.urlsafe_b64encode(b'["2026-01-01T00:00:00", "mdl_1"]').decode(),
        base64.urlsafe_b64encode(b'["2026-01-01T00:00:00+00:00", 7]').decode(),
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        base64.urlsafe_b64encode(b"7").decode(),
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(sessions: Sessions, cursor: str) -> None:
    with sessions() as session, pytest.raises(CursorUnknown):
        models.page(session, 10, cursor)


def test_lists_are_narrowed_by_what_is_asked_for(sessions: Sessions) -> None:
    with sessions() as session:
        transfer = queue_a_transfer(session)
        other = queue_a_transfer(session)
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        evaluation = an_evaluation(transfer, model_id="mdl_1")
        evaluations.insert(session, evaluation)
        rejected = a_model(name="other", status=ModelStatus.REJECTED, facts=None, sha256=None)
        models.insert(session, rejected)

        assert models.page(session, 9, name="other").items == [rejected]
        assert models.page(session, 9, status=ModelStatus.REJECTED).items == [rejected]
        assert len(models.page(session, 9, name="tickets").items) == 2
        assert datasets.page(session, 9, language="sw").items == []
        assert len(datasets.page(session, 9, language="de").items) == 2
        running = transfers.page(session, 9, state=JobState.RUNNING).items
        assert [t.id for t in running] == [transfer.id]
        of_model = transfers.page(session, 9, model_id=other.spec.model_id).items
        assert [t.id for t in of_model] == [other.id]
        assert evaluations.page(session, 9, transfer_id=transfer.id).items == [evaluation]
        assert evaluations.page(session, 9, transfer_id=other.id).items == []
        assert evaluations.page(session, 9, model_id="mdl_1").items == [evaluation]


def test_a_transfer_is_found_by_the_model_it_made(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        transfers.succeed(session, id, 1, "mdl_made", {})
        assert [t.id for t in transfers.page(session, 9, model_id="mdl_made").items] == [id]
