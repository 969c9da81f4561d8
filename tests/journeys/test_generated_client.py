"""A client that a generator makes of the API's description works, and every answer is as told."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator

from tests.support.datasets import LABELS, a_csv, labelled_rows
from tests.support.models import a_text_classifier, zipped
from tests.support.service import Service
from tests.support.waiting import wait_for

_PACKAGE = "generated_babelport"


class Generated:
    """The generated package; `call` is a route's function, `model` a schema's class."""

    def __init__(self, url: str, document: dict[str, Any]) -> None:
        self.told = Told(document)
        hooks = {"event_hooks": {"response": [self.told.check]}}
        client = importlib.import_module(f"{_PACKAGE}.client").Client
        self._client = client(base_url=url, httpx_args=hooks, timeout=httpx.Timeout(60))

    def call(self, module: str, **given: Any) -> Any:
        """The parsed answer of a route: `models.post_model`."""
        route = importlib.import_module(f"{_PACKAGE}.api.{module}")
        return route.sync(client=self._client, **given)

    @staticmethod
    def model(name: str, /, **given: Any) -> Any:
        """An instance of a schema's class."""
        return getattr(importlib.import_module(f"{_PACKAGE}.models"), name)(**given)

    @staticmethod
    def file(path: Path) -> Any:
        """A file to be sent."""
        kind = importlib.import_module(f"{_PACKAGE}.types").File
        return kind(payload=path.open("rb"), file_name=path.name)


class Told:
    """Compares answers with what the description tells of them."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.checked: list[tuple[str, int]] = []

    def check(self, response: httpx.Response) -> None:
        """Fails where the status is not told, or the body is not of its schema."""
        response.read()
        operation = self._operation(response.request)
        name, status = operation["operationId"], response.status_code
        assert str(status) in operation["responses"], f"{name} does not tell of {status}"
        kind = response.headers["content-type"].partition(";")[0]
        told = operation["responses"][str(status)]["content"][kind]
        self.schema(told["schema"]).validate(response.json())
        if status >= 400:
            assert response.json()["code"] in told["examples"], f"{name}: {response.text}"
        self.checked.append((name, status))

    def schema(self, schema: dict[str, Any]) -> OAS31Validator:
        """A validator that knows the components."""
        return OAS31Validator(schema | {"components": self.document["components"]})

    def _operation(self, request: httpx.Request) -> dict[str, Any]:
        parts = request.url.path.split("/")
        for path, operations in self.document["paths"].items():
            pattern = path.split("/")
            same = (p == q or p.startswith("{") for p, q in zip(pattern, parts, strict=False))
            if len(pattern) == len(parts) and all(same) and request.method.lower() in operations:
                found: dict[str, Any] = operations[request.method.lower()]
                return found
        raise AssertionError(f"{request.method} {request.url.path} is not described")


@pytest.fixture(scope="module")
def document(working_service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The API's description, of which the package was generated."""
    folder = tmp_path_factory.mktemp("generated")
    told = httpx.get(f"{working_service.url}/openapi.json", timeout=60)
    (folder / "openapi.json").write_bytes(told.content)
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    command += ["--path", "openapi.json", "--output-path", _PACKAGE, "--fail-on-warning"]
    # It formats what it writes with ruff.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    made = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    found: dict[str, Any] = told.json()
    return found


@pytest.fixture(scope="module")
def generated(working_service: Service, document: dict[str, Any]) -> Iterator[Generated]:
    """The generated client of the service."""
    yield Generated(working_service.url, document)
    sys.path[:] = [one for one in sys.path if not (Path(one) / _PACKAGE).is_dir()]


def test_upload_transfer_and_predict_by_a_generated_client(
    generated: Generated, tmp_path: Path
) -> None:
    archive = zipped(a_text_classifier(tmp_path / "intents", labels=LABELS))
    csv = a_csv(tmp_path / "rows.csv", labelled_rows(60, "de"))
    form = generated.model("ModelForm", file=generated.file(archive), name="intents")
    model = generated.call("models.post_model", body=form)
    assert (model.name, model.version, model.facts.labels) == ("intents", 1, list(LABELS))
    form = generated.model("DatasetForm", file=generated.file(csv), language="de", group="")
    dataset = generated.call("datasets.post_dataset", body=form)
    assert dataset.facts.rows == 60

    roles = generated.model("TransferFieldsDatasets")
    roles["train"] = dataset.id
    asked = {"language": "de", "method": "fine-tune"}
    parameters = generated.model("TransferFieldsParameters")
    parameters["strategy"] = "head"
    fields = generated.model(
        "TransferFields", model=model.id, datasets=roles, parameters=parameters, **asked
    )
    transfer = generated.call("transfers.post_transfer", body=fields, idempotency_key="once")
    same = generated.call("transfers.post_transfer", body=fields, idempotency_key="once")
    assert same.id == transfer.id

    def ended() -> Any:
        found = generated.call("transfers.get_transfer", transfer=transfer.id)
        return found if found.state in ("succeeded", "failed", "cancelled") else None

    done = wait_for(ended, 120)
    assert done.state == "succeeded", done.failure
    made = generated.call("transfers.get_evaluations", transfer=transfer.id)
    assert made.items
    new = generated.call("models.get_model", model=done.model_id)
    question = generated.model("PredictionRequest", inputs=["spiele das Lied"])
    answer = generated.call("predictions.post_prediction", model=new.id, body=question)
    assert answer.predictions[0].label in LABELS
    assert {status for _, status in generated.told.checked} == {200, 201, 202}


def test_a_transfer_with_its_files_by_a_generated_client(
    generated: Generated, tmp_path: Path
) -> None:
    archive = zipped(a_text_classifier(tmp_path / "own", labels=LABELS))
    csv = a_csv(tmp_path / "rows.csv", labelled_rows(60, "de"))
    spec = generated.model(
        "TransferWithFilesFields",
        model=generated.model("ModelFields", name="own", language="en"),
        language="de",
        method="fine-tune",
    )
    form = generated.model(
        "TransferForm", spec=spec, model=generated.file(archive), train=generated.file(csv)
    )
    transfer = generated.call("transfers.post_transfer", body=form)
    assert transfer.spec.language == "de"
    assert generated.call("transfers.post_cancel", transfer=transfer.id).id == transfer.id


def test_refusals_are_as_told(generated: Generated, tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"no archive at all")
    form = generated.model("DatasetForm", file=generated.file(broken), language="german")
    refusals = {
        "model-not-found": generated.call("models.get_model", model="nobody"),
        "transfer-not-found": generated.call("transfers.get_transfer", transfer="trf_0"),
        "dataset-not-found": generated.call("datasets.get_preview", dataset="dst_0"),
        "cursor-unknown": generated.call("models.list_models", cursor="page-2"),
        "request-invalid": generated.call("transfers.list_transfers", limit=0),
        "language-unknown": generated.call("datasets.post_dataset", body=form),
        "alias-not-found": generated.call("models.get_alias", name="intents", alias="nobody"),
    }
    assert [problem.code for problem in refusals.values()] == list(refusals)


@pytest.mark.parametrize("form", ["ModelForm", "DatasetForm"])
def test_a_form_can_fulfil_its_schema_and_nothing_else_does(
    document: dict[str, Any], form: str
) -> None:
    schema = Told(document).schema({"$ref": f"#/components/schemas/{form}"})
    assert schema.is_valid({"file": "bytes", "language": "de", "name": "rows"})
    assert not schema.is_valid({"language": "de"})
    assert not schema.is_valid({"file": "bytes", "language": "de", "colour": "red"})
