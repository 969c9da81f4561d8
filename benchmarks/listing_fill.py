"""Fills an empty database with transfers as a service of years would hold them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert

from app.domain.enums import ModelStatus, Role
from app.domain.jobs import JobState
from app.domain.models import Model
from app.domain.transfers import TransferSpec
from app.store import models
from app.store.database import session_factory
from app.store.schema import job_events, jobs, tenants, transfers
from app.store.transfers import KIND

QUEUED = 10_000
MODELS = 20
TENANTS = ("", "acme", "bolt", "cora")
_BATCH = 2_000
_START = datetime(2024, 1, 1, tzinfo=UTC)


def fill(engine: Engine, rows: int) -> dict[str, str]:
    """Insert `rows` transfers with their events, the newest `QUEUED` of them waiting.

    Returns ids: of a model that a twentieth starts from (`many`), of one that a single transfer
    made (`one`), and of a transfer in the middle (`transfer`).
    """
    with engine.begin() as connection:
        connection.execute(tenants.delete())
        connection.execute(insert(tenants), [{"name": name} for name in TENANTS])
    made = next(
        n for n in range((rows - QUEUED) // 2, rows) if _state(n, rows) is JobState.SUCCEEDED
    )
    with session_factory(engine).begin() as session:
        for number in range(MODELS):
            models.insert(session, _model(f"mdl_source{number:02d}", number + 1))
        models.insert(session, _model(f"mdl_made{made:06d}", MODELS + 1))
    for start in range(0, rows, _BATCH):
        numbers = range(start, min(start + _BATCH, rows))
        with engine.begin() as connection:
            connection.execute(insert(jobs), [_job(n, rows) for n in numbers])
            connection.execute(insert(transfers), [_transfer(n, rows) for n in numbers])
            connection.execute(
                insert(job_events), [event for n in numbers for event in _events(n, rows)]
            )
    return {"many": "mdl_source03", "one": f"mdl_made{made:06d}", "transfer": _id(made)}


def _model(id: str, version: int) -> Model:
    return Model(id, "intents", version, ModelStatus.READY, ("en",), _START, 1, "0" * 64)


def _id(number: int) -> str:
    return f"trf_{random.Random(number).getrandbits(64):016x}"


def _state(number: int, rows: int) -> JobState:
    """The newest are queued; of the others 2 in 100 failed and 3 were cancelled."""
    if number >= rows - QUEUED:
        return JobState.QUEUED
    rest = number % 100
    if rest < 2:
        return JobState.FAILED
    return JobState.CANCELLED if rest < 5 else JobState.SUCCEEDED


def _job(number: int, rows: int) -> dict[str, Any]:
    state, created = _state(number, rows), _created_at(number)
    ended = None if state is JobState.QUEUED else created + timedelta(minutes=5)
    return {
        "id": _id(number),
        "kind": KIND,
        "state": state,
        "created_at": created,
        "attempt": 0 if ended is None else 1,
        "cancel_requested": state is JobState.CANCELLED,
        "priority": number % 3,
        "tenant": TENANTS[number % len(TENANTS)],
        "started_at": ended and created,
        "finished_at": ended,
        "failure": {"code": "child-died"} if state is JobState.FAILED else None,
        "last_event": len(list(_events(number, rows))),
    }


def _transfer(number: int, rows: int) -> dict[str, Any]:
    succeeded = _state(number, rows) is JobState.SUCCEEDED
    model = f"mdl_source{number % MODELS:02d}"
    return {
        "id": _id(number),
        "created_at": _created_at(number),
        "spec": TransferSpec(model, "de", "fine-tune", {Role.TRAIN: "dst_1"}),
        "source_model_id": model,
        "model_id": f"mdl_made{number:06d}" if succeeded else None,
        "result": _result(number) if succeeded else None,
    }


def _created_at(number: int) -> datetime:
    return _START + timedelta(minutes=7 * number)


def _events(number: int, rows: int) -> Iterator[dict[str, Any]]:
    state, created = _state(number, rows), _created_at(number)
    kinds = ["queued"]
    if state is not JobState.QUEUED:
        kinds += ["running", "loaded", "split", *["epoch"] * 5, "evaluated", state.value]
    for sequence, kind in enumerate(kinds, start=1):
        at = created + timedelta(seconds=sequence)
        data = {"epoch": sequence, "loss": 0.1 * sequence} if kind == "epoch" else {}
        yield {
            "job_id": _id(number),
            "sequence": sequence,
            "kind": kind,
            "data": data,
            "at": at,
        }


def _result(number: int) -> dict[str, Any]:
    """About 11 kB, of which a training's history is the largest part, as in a real one."""
    numbers = random.Random(number)
    names = ("loss", "validation_loss", "accuracy", "macro_f1", "learning_rate")
    history = [{"step": s, **{n: numbers.random() for n in names}} for s in range(60)]
    points = [{"rows": 2**i, "accuracy": numbers.random()} for i in range(12)]
    return {
        "verdict": {"beaten": ["majority", "untouched"], "summary": "It beats what it should."},
        "comparisons": [
            {"against": name, "difference": numbers.random()} for name in ("a", "b", "c")
        ],
        "history": history,
        "advice": {"learning_curve": points, "notes": ["A sentence of advice, as they are."] * 20},
        "split_sha256": f"{numbers.getrandbits(256):064x}",
    }
