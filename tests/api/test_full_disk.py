"""Uploads that do not fit: refused early, and cleaned up after where that was impossible."""

from __future__ import annotations

import http.client
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from app.settings import Settings
from tests.support.service import Service, running_service
from tests.support.small_disks import SMALL

_FORM = "multipart/form-data; boundary=cut"
_HEAD = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'


@pytest.fixture
def small_service(small_disk: Path, sqlite_url: str) -> Iterator[Service]:
    """A service whose artifacts lie on a small disk, without a reserve."""
    settings = Settings(data_dir=small_disk, database_url=sqlite_url, min_free_bytes=0)
    with running_service(settings) as running:
        yield running


def _post_in_chunks(service: Service, chunks: int) -> httpx2.Response:
    """Send a dataset of so many MiB whose length no header tells."""

    def body() -> Iterator[bytes]:
        yield _HEAD
        for _ in range(chunks):
            yield b"x" * 1024**2
        yield b"\r\n--cut--\r\n"

    headers = {"content-type": _FORM}
    return httpx2.post(f"{service.url}/v1/datasets", content=body(), headers=headers, timeout=60)


def test_an_upload_that_would_not_fit_is_refused_before_its_body_is_sent(
    tmp_path: Path, sqlite_url: str
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=sqlite_url, min_free_bytes=2**60)
    with running_service(settings) as service:
        connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=60)
        connection.putrequest("POST", "/v1/models")
        connection.putheader("Content-Type", _FORM)
        connection.putheader("Content-Length", "1000000")
        connection.endheaders()
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 507
        assert "disk-full" in text
        assert "BABELPORT_MIN_FREE_BYTES" in text
        assert service.stored_files() == []


def test_an_upload_of_untold_length_stops_at_the_reserve(small_disk: Path, sqlite_url: str) -> None:
    settings = Settings(data_dir=small_disk, database_url=sqlite_url, min_free_bytes=SMALL // 2)
    with running_service(settings) as service:
        answer = _post_in_chunks(service, 12)
        assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
        assert list(service.context.artifacts.temporary.iterdir()) == []


def test_a_disk_that_fills_up_during_an_upload_is_told_and_tidied(
    small_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when others write at the same time: there seemed to be room.
    monkeypatch.setattr("app.artifacts.disk_space.DiskSpace.require", lambda *_: None)
    answer = _post_in_chunks(small_service, 20)
    assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
    assert small_service.stored_files() == []
    assert list(small_service.context.artifacts.temporary.iterdir()) == []


@pytest.mark.parametrize("noun", ["models", "datasets"])
def test_an_archive_too_large_for_the_disk_is_no_fault_of_the_file(
    small_service: Service, tmp_path: Path, noun: str
) -> None:
    file = tmp_path / "large.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for label in ("one", "two"):
            archive.writestr(f"{label}/large.png", bytes(2 * SMALL))
    with file.open("rb") as opened:
        answer = httpx2.post(
            f"{small_service.url}/v1/{noun}",
            files={"file": ("large.zip", opened)},
            data={"language": "de"},
            timeout=60,
        )
    assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
    assert httpx2.get(f"{small_service.url}/v1/{noun}").json()["items"] == []
    assert small_service.stored_files() == []
