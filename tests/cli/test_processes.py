"""The API and the worker as child processes of one command."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from app.cli.processes import free_port, is_free, running_service
from app.domain.errors.service import PortTaken, ServiceNotReady
from app.settings import Settings
from app.store.migrations import upgrade

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "var", database_url="", port=_unused_port())


def test_a_taken_port_is_known_and_another_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert not is_free("127.0.0.1", port)
        assert free_port("127.0.0.1", port) != port

    assert free_port("127.0.0.1", port) == port


def test_a_service_on_a_taken_port_is_refused_with_advice(chosen: Settings) -> None:
    with socket.create_server(("127.0.0.1", chosen.port)), pytest.raises(PortTaken) as refusal:
        running_service(chosen, None).__enter__()

    assert "BABELPORT_PORT" in refusal.value.advice


def test_a_part_that_cannot_start_is_named_with_its_last_words(
    chosen: Settings, tmp_path: Path
) -> None:
    chosen.data_dir.mkdir()

    with pytest.raises(ServiceNotReady, match="migrat"):
        running_service(chosen, tmp_path / "logs").__enter__()

    assert is_free(chosen.host, chosen.port)


def test_both_parts_run_within_the_block_and_end_with_it(chosen: Settings, tmp_path: Path) -> None:
    chosen.data_dir.mkdir()
    upgrade(chosen.url)

    with running_service(chosen, tmp_path / "logs") as service:
        assert httpx2.get(f"{service.url}/ready").status_code == 200
        assert service.ended() is None

    assert service.ended() is not None
    assert is_free(chosen.host, chosen.port)


def test_up_migrates_serves_and_ends_well_when_terminated(chosen: Settings, tmp_path: Path) -> None:
    environment = {
        "PATH": "",
        "BABELPORT_DATA_DIR": str(chosen.data_dir),
        "BABELPORT_PORT": str(chosen.port),
    }
    command = [sys.executable, "-m", "app.cli.main", "up"]
    with subprocess.Popen(
        command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        # The API's own log goes the same way.
        url = f"http://127.0.0.1:{chosen.port}"
        assert any(url in line for line in running.stdout)
        assert httpx2.get(f"{url}/health").status_code == 200
        running.terminate()
        assert running.wait(timeout=30) == 0

    assert is_free(chosen.host, chosen.port)


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
