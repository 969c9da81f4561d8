"""The API describes itself wholly, and its errors keep one form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openapi_spec_validator import validate

from app.domain.errors import BabelportError
from app.settings import Settings
from tests.support.service import Service, running_service


@pytest.fixture(scope="module")
def document(quiet_service: Service) -> dict[str, Any]:
    """The OpenAPI document."""
    answer: dict[str, Any] = httpx2.get(f"{quiet_service.url}/openapi.json").json()
    return answer


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _leaves(family: type[BabelportError]) -> Iterator[type[BabelportError]]:
    for leaf in family.__subclasses__():
        yield leaf
        yield from _leaves(leaf)


def test_every_reference_in_the_description_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(_references(document))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found
    assert found <= known


def test_every_operation_says_what_it_does_and_how_it_fails(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            assert operation.get("description"), f"{verb} {path}"
            assert any(status.startswith("2") for status in operation["responses"])
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")):
                    # The Open Inference Protocol has its own form of an error.
                    form = "application/json" if "/v2" in path else "application/problem+json"
                    assert form in answer["content"], f"{verb} {path}"


def test_uploads_are_described_with_their_files_and_fields(document: dict[str, Any]) -> None:
    body = document["paths"]["/v1/models"]["post"]["requestBody"]["content"]
    assert list(body) == ["multipart/form-data"]
    transfer = document["paths"]["/v1/transfers"]["post"]["requestBody"]["content"]
    assert set(transfer) == {"application/json", "multipart/form-data"}
    schemas = document["components"]["schemas"]
    parts = schemas["TransferForm"]["properties"]
    assert {"spec", "model", "train", "test", "source"} <= set(parts)
    assert {"file", "language", "labels", "input"} <= set(schemas["ModelForm"]["properties"])


def test_the_description_is_valid_and_names_each_schema_once(document: dict[str, Any]) -> None:
    validate(document)
    # Two schemas of one name are told apart by the modules that they stand in.
    assert [name for name in document["components"]["schemas"] if "__" in name] == []


def test_every_error_that_is_told_has_an_example_of_its_own(document: dict[str, Any]) -> None:
    described = set()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if not status.startswith(("4", "5")):
                    continue
                [content] = answer["content"].values()
                assert content["examples"], f"{path} {status}"
                for code, example in content["examples"].items():
                    described.add(code)
                    if "/v2" in path:
                        assert example["value"]["error"].endswith(f"({code})")
                    else:
                        assert (example["value"]["code"], example["value"]["status"]) == (
                            code,
                            int(status),
                        )
    framework = {"bad-request", "body-too-large"}
    assert described - framework <= {leaf.code for leaf in _leaves(BabelportError)}
    assert len(described) > 50


def test_what_the_framework_refuses_is_told(
    quiet_service: Service, document: dict[str, Any]
) -> None:
    bodies = {400: b"\xff\xfe{}", 422: b"{", 413: b" " * (1024 * 1024 + 1)}
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            if "application/json" not in operation.get("requestBody", {}).get("content", {}):
                continue
            address = re.sub(r"\{[^}]*\}", "champion", path)
            for body in bodies.values():
                answer = httpx2.request(
                    verb,
                    quiet_service.url + address,
                    content=body,
                    headers={"content-type": "application/json"},
                )
                described = operation["responses"].get(str(answer.status_code))
                assert described is not None, f"{verb} {path}: {answer.text}"
                [content] = described["content"].values()
                assert answer.json()["code"] in content["examples"], f"{verb} {path}"


@pytest.mark.parametrize(
    ("verb", "path", "methods"),
    [
        ("PUT", "/v1/models", {"GET", "POST"}),
        ("PATCH", "/v1/models/none", {"DELETE", "GET"}),
        ("POST", "/v1/models/none/aliases/champion", {"DELETE", "GET", "PUT"}),
        ("DELETE", "/v1/transfers/none", {"GET", "PATCH"}),
        ("POST", "/health", {"GET"}),
    ],
)
def test_a_method_that_is_not_allowed_is_told_all_that_are(
    quiet_service: Service, verb: str, path: str, methods: set[str]
) -> None:
    answer = httpx2.request(verb, quiet_service.url + path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == methods


@pytest.mark.parametrize(
    ("verb", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "no-such-address"),
        ("PUT", "/health", 405, "method-not-allowed"),
        ("GET", "/v1/models?limit=0", 422, "request-invalid"),
        ("GET", "/v1/models?cursor=made-up", 422, "cursor-unknown"),
        ("GET", "/v1/datasets?cursor=%00", 422, "cursor-unknown"),
        ("GET", "/v1/models/none", 404, "model-not-found"),
        ("GET", "/v1/models/none@1@2", 404, "model-not-found"),
        ("GET", "/v1/models/none/lineage", 404, "model-not-found"),
        ("DELETE", "/v1/models/none", 404, "model-not-found"),
        ("GET", "/v1/datasets/none", 404, "dataset-not-found"),
        ("GET", "/v1/datasets/none/preview", 404, "dataset-not-found"),
        ("DELETE", "/v1/datasets/none", 404, "dataset-not-found"),
        ("GET", "/v1/transfers/none", 404, "transfer-not-found"),
        ("GET", "/v1/transfers?model=none", 404, "model-not-found"),
        ("GET", "/v1/evaluations/none", 404, "evaluation-not-found"),
        ("GET", "/v1/evaluations/none/rows", 404, "evaluation-not-found"),
        ("GET", "/v1/evaluations?transfer=none", 404, "transfer-not-found"),
        ("GET", "/v1/methods/none", 404, "method-unknown"),
        ("POST", "/v1/transfers", 422, "request-invalid"),
        ("POST", "/v1/models", 422, "upload-malformed"),
    ],
)
def test_every_refusal_is_a_problem_with_a_code_and_an_advice(
    quiet_service: Service,
    document: dict[str, Any],
    verb: str,
    path: str,
    status: int,
    code: str,
) -> None:
    answer = httpx2.request(verb, quiet_service.url + path)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["title"]
    assert problem["detail"]
    assert problem["advice"]
    for pattern, operations in document["paths"].items():
        address = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(pattern))
        if re.fullmatch(address, path.partition("?")[0]) and verb.lower() in operations:
            described = operations[verb.lower()]["responses"][str(status)]["content"]
            assert code in described["application/problem+json"]["examples"]


def test_methods_are_listed_with_the_schema_of_their_parameters(quiet_service: Service) -> None:
    listed = {item["name"]: item for item in quiet_service.client.methods()["items"]}
    assert {"fine-tune", "joint"} <= set(listed)
    joint = httpx2.get(f"{quiet_service.url}/v1/methods/joint").json()
    assert joint == listed["joint"]
    assert joint["required_roles"] == ["source", "train"]
    assert "target_share" in joint["parameters"]["properties"]


def test_a_service_without_its_database_is_alive_but_not_ready(
    tmp_path: Path, sqlite_url: str
) -> None:
    settings = Settings(data_dir=tmp_path / "var", database_url=sqlite_url)
    with running_service(settings) as service:
        assert httpx2.get(f"{service.url}/ready").status_code == 200
        service.context.readers.kw["bind"].dispose()
        for file in tmp_path.glob("babelport.sqlite*"):
            file.unlink()
            file.mkdir()
        answer = httpx2.get(f"{service.url}/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
        broken = [one["name"] for one in answer.json()["errors"]["checks"] if not one["ok"]]
        assert broken == ["database"]
        assert httpx2.get(f"{service.url}/health").status_code == 200


def test_the_page_about_the_api_needs_no_other_server(quiet_service: Service) -> None:
    page = httpx2.get(f"{quiet_service.url}/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert parts
    for part in parts:
        assert httpx2.get(f"{quiet_service.url}{part}").status_code == 200, part
