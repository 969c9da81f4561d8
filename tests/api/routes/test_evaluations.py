"""Evaluations over HTTP."""

from __future__ import annotations

import pytest

from app.client import BabelportProblem
from app.domain.identity import now
from app.store import evaluations
from tests.support.records import an_evaluation, queue_a_transfer
from tests.support.service import Service


def test_rows_that_retention_dropped_are_told_from_rows_that_never_were(service: Service) -> None:
    with service.context.sessions.begin() as session:
        transfer = queue_a_transfer(session)
        never = an_evaluation(transfer)
        dropped = an_evaluation(transfer, predictions_dropped_at=now())
        evaluations.insert(session, never)
        evaluations.insert(session, dropped)
    codes = []
    for evaluation in (never, dropped):
        with pytest.raises(BabelportProblem) as refused:
            service.client.evaluations.rows(evaluation.id)
        assert refused.value.status == 404
        codes.append(refused.value.code)
    assert codes == ["not-recorded", "dropped-by-retention"]
    assert "BABELPORT_KEEP_PREDICTIONS_DAYS" in refused.value.advice
    assert service.client.evaluations.get(dropped.id)["predictions_dropped_at"]
    assert service.client.evaluations.get(never.id)["predictions_dropped_at"] is None
