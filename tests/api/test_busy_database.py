"""A process whose connections to the database are all in use says so, and soon."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from app.settings import Settings
from tests.support.service import running_service


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/v1/models", "application/problem+json"),
        ("/v1/datasets/dst_1/preview", "application/problem+json"),
        ("/v2/models/none/ready", "application/json"),
    ],
)
def test_a_request_without_a_free_connection_is_told_to_come_back(
    tmp_path: Path, one_database_url: str, address: str, form: str
) -> None:
    settings = Settings(
        data_dir=tmp_path / "var",
        database_url=one_database_url,
        database_connections=2,
        database_wait_seconds=0.05,
    )
    with running_service(settings) as service:
        with ExitStack() as held:
            for _ in range(2):
                session = held.enter_context(service.context.readers())
                session.execute(text("SELECT 1"))
            answer = httpx2.get(service.url + address, timeout=20)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["content-type"] == form
            assert "database-busy" in answer.text
            assert httpx2.get(f"{service.url}/health", timeout=20).status_code == 200
        assert httpx2.get(f"{service.url}/v1/models", timeout=20).status_code == 200
