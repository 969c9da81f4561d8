"""Bodies that are no requests of the protocol cost nothing but a clear answer."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.support.service import Service

_TEXT = {"name": "text", "datatype": "BYTES", "shape": [1]}


def _with(**changed: Any) -> dict[str, Any]:
    return {"inputs": [_TEXT | {"data": ["hello"]} | changed]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("no json", "inference-request-invalid"),
        ([], "inference-request-invalid"),
        ({}, "inference-request-invalid"),
        ({"inputs": "text"}, "inference-request-invalid"),
        ({"inputs": [_TEXT | {"data": ["a"]}] * 2}, "inference-request-invalid"),
        (_with() | {"parameters": 3}, "inference-request-invalid"),
        (_with() | {"parameters": {"timeout": "soon"}}, "inference-request-invalid"),
        (_with() | {"outputs": [{"name": "logits"}]}, "output-unknown"),
        (_with() | {"outputs": [{}]}, "output-unknown"),
        (_with(shape=[2]), "tensor-invalid"),
        (_with(shape=[]), "tensor-invalid"),
        (_with(shape=[-1]), "tensor-invalid"),
        (_with(shape=[True]), "tensor-invalid"),
        (_with(shape="1"), "tensor-invalid"),
        (_with(shape=[1] * 9), "tensor-invalid"),
        (_with(shape=[0], data=[]), "no-inputs"),
        (_with(shape=[2, 0], data=[]), "no-inputs"),
        (_with(shape=[1, 1, 2], data=["a", "b"]), "tensor-invalid"),
        (_with(data=[7]), "tensor-invalid"),
        (_with(data=None), "tensor-invalid"),
        (_with(datatype="TEXT"), "tensor-invalid"),
        (_with(datatype="UINT8", data=[300]), "tensor-invalid"),
        (_with(datatype="UINT8", data=[0.5]), "tensor-invalid"),
        (_with(datatype="UINT8", data=["a"]), "tensor-invalid"),
        (_with(datatype="FP32", shape=[1, 2], data=[[1], [2, 3]]), "tensor-invalid"),
        (_with(datatype="UINT8", data=[3]), "input-unusable"),
        (_with(shape=[10**18]), "too-many-inputs"),
        (_with(parameters={"binary_data_size": 5}), "tensor-invalid"),
    ],
)
def test_a_body_that_is_no_request_is_told_what_is_wrong(
    served: Service, body: Any, code: str
) -> None:
    sent = {"content": body} if isinstance(body, str) else {"json": body}
    answer = httpx2.post(f"{served.url}/v2/models/intents/infer", timeout=60, **sent)
    assert answer.status_code == (413 if code == "too-many-inputs" else 400)
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].endswith(f"({code})")


@pytest.mark.parametrize(
    ("size", "raw", "code"),
    [
        (9, b"\x05\0\0\0hello", None),
        (9, b"\x06\0\0\0hello", "tensor-invalid"),
        (9, b"\x04\0\0\0hello", "tensor-invalid"),
        (9, b"\xff\xff\xff\xffhello", "tensor-invalid"),
        (10, b"\x05\0\0\0hello", "tensor-invalid"),
        (8, b"\x04\0\0\0hello", "inference-request-invalid"),
        (-1, b"\x05\0\0\0hello", "tensor-invalid"),
        (18, b"\x05\0\0\0hello" * 2, "tensor-invalid"),
    ],
)
def test_raw_bytes_must_fit_what_the_json_says(
    served: Service, size: int, raw: bytes, code: str | None
) -> None:
    head = _json({"inputs": [_TEXT | {"parameters": {"binary_data_size": size}}]})
    answer = _post(served, head + raw, str(len(head)))
    if code is None:
        assert answer.status_code == 200, answer.text
    else:
        assert (answer.status_code, answer.json()["error"].endswith(f"({code})")) == (400, True)


@pytest.mark.parametrize("length", ["100000", "-1", "two", "1"])
def test_a_wrong_length_of_the_json_is_refused(served: Service, length: str) -> None:
    assert _post(served, _json(_with()), length).status_code == 400


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "/v2/nowhere", 404),
        ("GET", "/v2/models/nobody", 404),
        ("GET", "/v2/models/encoder", 409),
        ("PUT", "/v2", 405),
    ],
)
def test_every_error_below_v2_has_the_key_error(
    served: Service, verb: str, path: str, status: int
) -> None:
    answer = httpx2.request(verb, served.url + path)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_a_header_that_is_no_time_is_refused(served: Service) -> None:
    for value in ("soon", "-1", "0", "nan"):
        answer = httpx2.post(
            f"{served.url}/v2/models/intents/infer",
            json=_with(),
            headers={"X-Babelport-Timeout-Ms": value},
        )
        assert answer.json()["error"].endswith("(timeout-unusable)")


def _json(body: dict[str, Any]) -> bytes:
    return httpx2.Request("POST", "http://none", json=body).content


def _post(served: Service, body: bytes, length: str) -> httpx2.Response:
    return httpx2.post(
        f"{served.url}/v2/models/intents/infer",
        content=body,
        headers={"Inference-Header-Content-Length": length},
        timeout=60,
    )
