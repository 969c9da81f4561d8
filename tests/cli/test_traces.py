"""Traces from a request to its batch, sent by a real API process to a real receiver."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2

from app.client import Client
from tests.support.models import SENTENCES, a_text_classifier, zipped
from tests.support.ports import free_port
from tests.support.trace_receiver import trace_receiver
from tests.support.waiting import wait_for

_TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_a_request_is_traced_to_its_batch_under_its_senders_trace(
    one_database_url: str, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with trace_receiver() as received:
        environment = os.environ | {
            "BABELPORT_DATABASE_URL": one_database_url,
            "BABELPORT_DATA_DIR": str(tmp_path / "var"),
            "BABELPORT_PORT": str(port),
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
        }
        command = [sys.executable, "-m", "app.cli.main", "api"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
            try:
                wait_for(lambda: _ready(url))
                with Client(url) as client:
                    file = zipped(a_text_classifier(tmp_path / "intents"))
                    client.models.upload(file, name="intents", language="en")
                answer = httpx2.post(
                    f"{url}/v1/models/intents/predict",
                    json={"inputs": [SENTENCES[0]]},
                    headers={"traceparent": f"00-{_TRACE}-b7ad6b7169203331-01"},
                    timeout=180,
                )
                assert answer.status_code == 200
                # What is left to be sent is sent at the end.
                process.send_signal(signal.SIGTERM)
                _, logged = process.communicate(timeout=60)
            finally:
                process.kill()

    spans = {span.name: span for span in received.spans if span.trace_id.hex() == _TRACE}
    assert set(spans) == {"POST /v1/models/{model}/predict", "queue", "batch"}
    request, queue, batch = (spans[name] for name in sorted(spans, key=len, reverse=True))
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert queue.parent_span_id == batch.parent_span_id == request.span_id
    assert queue.end_time_unix_nano == batch.start_time_unix_nano
    facts: dict[str, Any] = {one.key: one.value for one in batch.attributes}
    assert facts["babelport.model"].string_value == "intents@1"
    assert facts["babelport.batch.inputs"].int_value == 1
    assert facts["babelport.batch.tokens"].int_value > 1
    traced = [line for line in map(json.loads, logged.splitlines()) if "trace_id" in line]
    assert (_TRACE, "babelport.access") in {(one["trace_id"], one["logger"]) for one in traced}


def _ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/ready").status_code == 200
    except httpx2.TransportError:
        return False
