"""Bad input of every kind: a clear refusal, nothing half-written, nothing lost."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from app.client import BabelportProblem
from tests.support.datasets import LABELS, a_csv, an_npz, labelled_rows
from tests.support.models import a_declared_digit_reader, zipped
from tests.support.service import Service


def _objects_npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.array([{"a": 1}], dtype=object), y=np.array([0]))
    return file.getvalue()


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


_DATASETS: dict[str, tuple[str, bytes]] = {
    "a header and no row": ("a.csv", b"text,label\n"),
    "no usable row": ("a.csv", b"text,label\n,a\nb,\n"),
    "no label column": ("a.csv", b"text,colour\nhallo,red\n"),
    "two label columns": ("a.csv", b"text,label,category\nhallo,a,b\n"),
    "another encoding": ("a.csv", "text,label\nschön,a\n".encode("latin-1")),
    "a broken line of JSON": ("a.jsonl", b'{"text": "a", "label": "b"}\n{"text": \n'),
    "no Parquet": ("a.parquet", b"PAR1 but not really"),
    "a truncated zip": ("a.zip", _zip({"1/a.png": b"x" * 1000})[:500]),
    "a zip without images": ("a.zip", _zip({"readme.txt": b"hello"})),
    "objects in an NPZ": ("a.npz", _objects_npz()),
    "a pickle": ("a.csv", b"\x80\x04\x95\x00"),
    "noise": ("a.bin", bytes(range(256)) * 8),
}
_MODELS: dict[str, tuple[str, bytes]] = {
    "a truncated zip": ("m.zip", _zip({"config.json": b"{}" * 1000})[:900]),
    "a pickle": ("m.pt", b"\x80\x04\x95\x00"),
    "a pickle inside": ("m.zip", _zip({"config.json": b"{}", "pytorch_model.bin": b"\x80\x04"})),
    "a way out of the archive": ("m.zip", _zip({"../../evil": b"x", "config.json": b"{}"})),
    "no ONNX": ("m.onnx", b"\x08\x07not a graph"),
    "a generator of text": (
        "m.zip",
        _zip(
            {
                "config.json": b'{"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}',
                "model.safetensors": b"\x02\x00\x00\x00\x00\x00\x00\x00{}",
            }
        ),
    ),
}


@pytest.mark.parametrize("kind", _DATASETS)
def test_a_bad_dataset_is_rejected_with_its_reason(quiet_service: Service, kind: str) -> None:
    filename, content = _DATASETS[kind]
    _expect_rejection(quiet_service, "datasets", filename, content)


@pytest.mark.parametrize("kind", _MODELS)
def test_a_bad_model_is_rejected_with_its_reason(quiet_service: Service, kind: str) -> None:
    filename, content = _MODELS[kind]
    _expect_rejection(quiet_service, "models", filename, content)


def _expect_rejection(service: Service, noun: str, filename: str, content: bytes) -> None:
    answer = httpx2.post(
        f"{service.url}/v1/{noun}",
        files={"file": (filename, content)},
        data={"language": "de"},
        timeout=60,
    )
    problem = answer.json()
    assert answer.status_code == 422, problem
    assert problem["detail"]
    assert problem["advice"]
    # A crash of the reading process would be a rejection too, but none that anybody understands.
    assert not problem["code"].startswith("reading-"), problem
    record = httpx2.get(f"{service.url}/v1/{noun}/{problem['id']}").json()
    assert record["status"] == "rejected"
    assert record["rejection"]["code"] == problem["code"]
    assert service.stored_files() == []


def _post_all(service: Service, spec: dict[str, Any], **files: Path) -> httpx2.Response:
    return httpx2.post(
        f"{service.url}/v1/transfers",
        files={name: (path.name, path.read_bytes()) for name, path in files.items()},
        data={"spec": json.dumps({"language": "bn", "method": "fine-tune"} | spec)},
        timeout=60,
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A good model and good data for it, and data that do not fit it."""
    folder = tmp_path_factory.mktemp("files")
    broken = folder / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 cut off")
    return {
        "model": zipped(a_declared_digit_reader(folder / "reader")),
        "digits": an_npz(folder / "digits.npz"),
        "texts": a_csv(folder / "a.csv", labelled_rows(30, "de", LABELS)),
        "broken": broken,
    }


@pytest.mark.parametrize(
    ("spec", "train", "code"),
    [
        ({}, "broken", None),
        ({}, "texts", "kind-unfit"),
        ({"method": "alchemy"}, "digits", "method-unknown"),
        ({"parameters": {"epochs": -1}}, "digits", "parameters-invalid"),
        ({"parameters": {"strategy": "lora"}}, "digits", "strategy-unfit"),
        ({"language": "xx"}, "digits", "language-unknown"),
        ({"model": "mdl_none"}, "digits", "part-referred"),
        ({"datasets": {"train": "dst_none"}}, "digits", "part-referred"),
        ({"datasets": {"test": {}}}, "digits", "part-missing"),
        ({"datasets": {"train": {"language": "de"}}}, "digits", "language-differs"),
        ({"datasets": {"test": "dst_none"}}, "digits", "dataset-not-found"),
        ({"surprise": 1}, "digits", "request-invalid"),
    ],
)
def test_a_transfer_with_files_is_taken_whole_or_not_at_all(
    quiet_service: Service,
    files: dict[str, Path],
    spec: dict[str, Any],
    train: str,
    code: str | None,
) -> None:
    client = quiet_service.client
    before = [client.models.list()["items"], client.datasets.list()["items"]]
    answer = _post_all(quiet_service, spec, model=files["model"], train=files[train])
    problem = answer.json()
    assert answer.status_code in (404, 422), problem
    assert code is None or problem["code"] == code
    assert code is not None or problem["errors"]["part"] == "train"
    assert [client.models.list()["items"], client.datasets.list()["items"]] == before
    assert client.transfers.list()["items"] == []
    assert quiet_service.stored_files() == []


def test_a_transfer_without_its_parts_says_which(
    quiet_service: Service, files: dict[str, Path]
) -> None:
    codes = [
        _post_all(quiet_service, {}, train=files["digits"]).json(),
        _post_all(quiet_service, {}, model=files["model"], trian=files["digits"]).json(),
        _post_all(quiet_service, {}, model=files["model"]).json(),
    ]
    assert [problem["code"] for problem in codes] == [
        "part-missing",
        "part-unknown",
        "roles-invalid",
    ]
    with pytest.raises(BabelportProblem):
        quiet_service.client.transfers.start_with_files(
            files["model"], {}, language="bn", method="fine-tune"
        )


def test_the_same_files_with_the_same_key_start_one_transfer(
    service: Service, files: dict[str, Path]
) -> None:
    def start(**spec: Any) -> dict[str, Any]:
        answer = service.client.transfers.start_with_files(
            files["model"],
            {"train": files["digits"]},
            language="bn",
            method="fine-tune",
            idempotency_key="once",
            **spec,
        )
        assert isinstance(answer, dict)
        return answer

    first = start()
    assert start() == first
    assert len(service.client.models.list()["items"]) == 1
    with pytest.raises(BabelportProblem) as refused:
        start(seed=1)
    assert refused.value.code == "idempotency-key-reused"


def test_the_specification_may_come_as_a_file(
    quiet_service: Service, files: dict[str, Path], tmp_path: Path
) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"language": "bn", "method": "alchemy"}))
    answer = httpx2.post(
        f"{quiet_service.url}/v1/transfers",
        files={
            "spec": ("spec.json", spec.read_bytes()),
            "model": ("m.zip", files["model"].read_bytes()),
            "train": ("d.npz", files["digits"].read_bytes()),
        },
    )
    assert answer.json()["code"] == "method-unknown"


def test_parallel_files_of_different_lengths_are_refused_with_both(
    quiet_service: Service, tmp_path: Path
) -> None:
    archive = tmp_path / "pairs.zip"
    archive.write_bytes(_zip({"text.en": b"one\ntwo\n", "text.de": b"eins\n"}))
    with pytest.raises(BabelportProblem) as refused:
        quiet_service.client.datasets.upload(archive, language="de", kind="parallel")
    assert refused.value.code == "parallel-lengths-differ"


def test_an_auxiliary_model_for_a_method_that_takes_none_is_refused(
    quiet_service: Service, tmp_path: Path
) -> None:
    model = quiet_service.client.models.upload(
        zipped(a_declared_digit_reader(tmp_path / "reader")), language="en"
    )
    rows = quiet_service.client.datasets.upload(an_npz(tmp_path / "rows.npz"), language="bn")
    with pytest.raises(BabelportProblem) as refused:
        quiet_service.client.transfers.start(
            model["id"], "bn", {"train": rows["id"]}, "fine-tune", auxiliary_model="starter"
        )
    assert refused.value.code == "auxiliary-model-unused"
