"""The wheel holds all that runs: installed elsewhere, `babelport up` migrates and serves."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx2
import pytest

from tests.support.ports import free_port
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [file] = folder.glob("babelport_server-*.whl")
    return file


def test_the_wheel_carries_the_package_its_types_and_the_migrations(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"app/main.py", "app/py.typed", "app/migrations/env.py"} <= set(names)
    assert any(name.startswith("app/migrations/versions/0012") for name in names)
    assert {name.split("/")[0] for name in names} - {"app"} == {
        next(name for name in names if ".dist-info/" in name).split("/")[0]
    }


def test_the_installed_wheel_starts_a_service_outside_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
    subprocess.run([*install, "--target", str(site), str(wheel)], check=True, cwd=tmp_path)
    environment = os.environ | {
        "PYTHONPATH": str(site),
        "BABELPORT_PORT": str(free_port()),
        "BABELPORT_DATA_DIR": str(tmp_path / "var"),
        "BABELPORT_DATABASE_URL": "",
    }
    find = [sys.executable, "-c", "import app; print(app.__file__)"]
    found = subprocess.run(find, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert Path(found.stdout.strip()).is_relative_to(site)
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            [str(site / "bin" / "babelport"), "up"], cwd=tmp_path, env=environment, stdout=log
        )
    try:
        url = f"http://127.0.0.1:{environment['BABELPORT_PORT']}/ready"
        wait_for(lambda: running.poll() is not None or _answers(url))
        assert _answers(url), (tmp_path / "log").read_text()
    finally:
        running.terminate()
        running.wait(60)
    assert running.returncode == 0


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.TransportError:
        return False
