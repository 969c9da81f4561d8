"""Bodies of requests as clients' libraries write them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_core import to_json

from app.api.oip.http import read_request
from app.api.oip.operations import InferRequest
from app.domain.errors.predictions import InferenceRequestInvalid

_TENSOR = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["hello"]}


def test_what_is_null_was_left_out_as_mlservers_types_write_it() -> None:
    nulls = {"id": None, "parameters": None, "outputs": None}
    parsed = _read(nulls | {"inputs": [_TENSOR | {"parameters": None}]})
    assert parsed == _read({"inputs": [_TENSOR]})
    assert (parsed.inputs, parsed.id, parsed.parameters) == (["hello"], "", {})


def test_an_output_may_have_null_parameters() -> None:
    output = {"name": "label", "parameters": None}
    [wanted] = _read({"inputs": [_TENSOR], "outputs": [output]}).outputs
    assert (wanted.name, wanted.binary, wanted.classes) == ("label", None, 0)
    inside = {"name": "label", "parameters": {"classification": None, "binary_data": None}}
    assert list(_read({"inputs": [_TENSOR], "outputs": [inside]}).outputs) == [wanted]


def test_raw_bytes_may_stand_beside_null_data() -> None:
    tensor = _TENSOR | {"data": None, "parameters": {"binary_data_size": 9}}
    head = to_json({"inputs": [tensor]})
    parsed = read_request(head + b"\x05\0\0\0hello", str(len(head)), 8)
    assert parsed.inputs == [b"hello"]


@pytest.mark.parametrize(("id", "expected"), [("a-1", "a-1"), (17, "17"), (0, "0"), ("", "")])
def test_an_id_comes_back_as_text(id: Any, expected: str) -> None:
    assert _read({"id": id, "inputs": [_TENSOR]}).id == expected


@pytest.mark.parametrize("id", [True, [1], {"a": 1}])
def test_an_id_that_is_no_name_is_refused(id: Any) -> None:
    with pytest.raises(InferenceRequestInvalid):
        _read({"id": id, "inputs": [_TENSOR]})


def _read(body: dict[str, Any]) -> InferRequest:
    return read_request(to_json(body), None, 8)
