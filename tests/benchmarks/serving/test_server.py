"""Servers as processes: paused, resumed, accounted for and stopped with all that they started."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from app.cli.processes import free_port
from benchmarks.serving.dialects import LITSERVE
from benchmarks.serving.server import Server, Start

# Answers every request, beside a child that computes all the time.
_BUSY = """
import subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

# Its child computes on when it is told to stop, and is killed after so many seconds.
_PATIENCE = 0.2


def _start(folder: Path, code: str) -> Start:
    port = free_port("127.0.0.1", 8490)
    command = [sys.executable, "-c", code, str(port)]
    return Start("busy", command, {}, folder, f"http://127.0.0.1:{port}", LITSERVE)


def test_a_paused_server_takes_no_processor_time_and_goes_on_when_resumed(tmp_path: Path) -> None:
    with Server(_start(tmp_path, _BUSY), _PATIENCE) as server:
        server.wait_until_it_answers()
        server.pause()
        server.settle()
        before = server.cpu_seconds()
        server.settle()
        assert server.cpu_seconds() == before > 0
        with server.on():
            server.wait_until_it_answers()
            while server.cpu_seconds() <= before:
                pass


def test_a_stopped_server_leaves_no_process_behind_even_when_it_was_paused(tmp_path: Path) -> None:
    with Server(_start(tmp_path, _BUSY), _PATIENCE) as server:
        server.wait_until_it_answers()
        children = psutil.Process(server.pid).children()
        server.pause()
    assert len(children) == 1
    assert not any(child.is_running() for child in children)


def test_a_server_that_ends_by_itself_is_told_with_its_log(tmp_path: Path) -> None:
    with (
        Server(_start(tmp_path, "raise SystemExit('no such model')")) as server,
        pytest.raises(SystemExit, match="no such model"),
    ):
        server.wait_until_it_answers()
