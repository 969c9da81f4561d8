"""Multipart uploads: what is wrong is refused before anything is read, and nothing stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from app.settings import Settings
from tests.support.service import Service, running_service

_HEADERS = {"Content-Type": "multipart/form-data; boundary=limit"}


def _part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--limit\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def _post(service: Service, body: bytes | Iterator[bytes]) -> httpx2.Response:
    return httpx2.post(f"{service.url}/v1/datasets", content=body, headers=_HEADERS, timeout=30)


_CSV = _part("file", b"text,label\nhallo,a\n", "a.csv")
_LANGUAGE = _part("language", b"de")
_END = b"--limit--\r\n"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (_CSV + _LANGUAGE, "upload-malformed"),
        (_CSV + _part("language", b"de")[:20], "upload-malformed"),
        (b"no form at all", "upload-malformed"),
        (_CSV + _CSV + _LANGUAGE + _END, "upload-malformed"),
        (_part("language", b"\xff\xfe") + _CSV + _END, "upload-malformed"),
        (_part("name", b"x" * 2_000_000) + _CSV + _LANGUAGE + _END, "upload-malformed"),
        (_LANGUAGE + _END, "part-missing"),
        (_part("file", b"as a text field") + _LANGUAGE + _END, "part-missing"),
        (_CSV + _LANGUAGE + _part("langauge", b"de") + _END, "part-unknown"),
        (_part("file", b"", "a.csv") + _LANGUAGE + _END, "file-empty"),
        (_CSV + _END, "request-invalid"),
        (_CSV + _LANGUAGE + _part("name", b"a/b") + _END, "request-invalid"),
        (_CSV + _part("language", b"xx-not") + _END, "language-unknown"),
    ],
    ids=[
        "no last boundary",
        "cut within a header",
        "not a form",
        "a part twice",
        "not UTF-8",
        "a long text field",
        "no file",
        "a file that is a field",
        "a part misspelt",
        "an empty file",
        "no language",
        "a name with a slash",
        "no such language",
    ],
)
def test_a_bad_form_is_refused_and_leaves_nothing(
    quiet_service: Service, body: bytes, code: str
) -> None:
    answer = _post(quiet_service, body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["advice"]
    assert quiet_service.client.datasets.list()["items"] == []
    assert quiet_service.stored_files() == []


@pytest.fixture
def narrow_service(tmp_path: Path, one_database_url: str) -> Iterator[Service]:
    """A service that takes uploads of 100 kB at most."""
    settings = Settings(
        data_dir=tmp_path / "var",
        database_url=one_database_url,
        max_upload_bytes=100_000,
        max_predict_body_bytes=1000,
    )
    with running_service(settings) as running:
        yield running


def _much() -> bytes:
    return _LANGUAGE + _part("file", b"x" * 500_000, "a.csv") + _END


def test_an_upload_that_says_it_is_too_large_is_refused_unread(narrow_service: Service) -> None:
    answer = _post(narrow_service, _much())
    assert (answer.status_code, answer.json()["code"]) == (413, "upload-too-large")
    assert narrow_service.stored_files() == []


def test_an_upload_that_hides_its_length_is_stopped_at_the_limit(narrow_service: Service) -> None:
    # A body from an iterator is sent in chunks, without a Content-Length.
    answer = _post(narrow_service, iter([_much()[i : i + 5000] for i in range(0, 500_000, 5000)]))
    assert (answer.status_code, answer.json()["code"]) == (413, "upload-too-large")
    assert narrow_service.stored_files() == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_json_body_has_a_limit_of_its_own(narrow_service: Service, chunked: bool) -> None:
    body = b'{"model": "' + b"x" * 5000 + b'"}'
    sent = iter([body[:700], body[700:]]) if chunked else body
    answer = httpx2.post(
        f"{narrow_service.url}/v1/transfers",
        content=sent,
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
