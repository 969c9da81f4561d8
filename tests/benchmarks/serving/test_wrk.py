"""What wrk prints, and what it sends."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.serving.wrk import read_load, run_wrk
from tests.benchmarks.serving.tiny_server import tiny_server

PRINTED = """Running 4s test @ http://127.0.0.1:8410/
Requests/sec:      3.97
RESULT {"requests": 50, "microseconds": 4000000, "p50": 3500, "p99": 9000, "largest": 9100, \
"refused": 10, "broken": 2}
"""


def test_a_refused_request_does_not_count_as_answered() -> None:
    load = read_load(PRINTED)
    assert (load.requests, load.succeeded, load.rate) == (50, 40, 10.0)
    assert (load.p50_ms, load.p99_ms, load.broken) == (3.5, 9.0, 2)


def test_output_without_a_result_is_an_error() -> None:
    with pytest.raises(ValueError, match="no result"):
        read_load("unable to connect")


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_sends_the_lines_of_a_file_in_order_from_where_it_is_told(tmp_path: Path) -> None:
    bodies = tmp_path / "bodies"
    bodies.write_text("a\nb\nc\n")
    with tiny_server() as (url, seen):
        load = run_wrk(url, bodies, connections=1, seconds=1, skipped=4)
    assert seen[:4] == [b"b", b"c", b"a", b"b"]
    assert load.refused == load.broken == 0
    assert load.succeeded > 0
