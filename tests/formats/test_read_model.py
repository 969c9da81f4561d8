"""Uploads that are models, and those that are not."""

from __future__ import annotations

import io
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from app.domain.enums import Format, Task
from app.domain.errors import RejectedFile
from app.domain.models import ModelHints, TextInput
from app.formats.read_model import read_model
from app.formats.reading_child import inspect_model
from app.settings import Settings
from tests.support.archives import a_tar, a_zip, content_of
from tests.support.models import INTENTS, a_declared_digit_reader, a_text_classifier, zipped

ONNX_FILE = Path(__file__).parents[1] / "support/onnx_files/torch-classic-17-convolutional.onnx"
SUFFIXES = ".pt .PTH .bin .pt2 .h5 .keras .joblib .pkl .pickle .ckpt .hdf5".split()  # noqa: SIM905
SAFE = {"architecture.json": b"{}", "model.safetensors": b"\0" * 8}


def read(upload: Path, filename: str | None = None, **hints: Any) -> dict[str, Any]:
    asked = {"labels": [], "input": {}} | hints
    folder = upload.parent / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    return read_model(str(upload), filename or upload.name, asked, str(folder), 10**8, 100)


def refusal(upload: Path, filename: str | None = None) -> RejectedFile:
    with pytest.raises(RejectedFile) as caught:
        read(upload, filename)
    return caught.value


def a_file(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def test_a_zipped_directory_is_read_in_a_child(tmp_path: Path) -> None:
    upload = zipped(a_text_classifier(tmp_path / "intents"), top="intents")
    facts = inspect_model(upload, "intents.zip", ModelHints(), tmp_path / "to", Settings())
    assert (facts.format, facts.task) == (Format.HUGGINGFACE, Task.TEXT_CLASSIFICATION)
    assert facts.labels == INTENTS
    assert facts.input == TextInput(max_tokens=64)
    assert "config.json" in content_of(tmp_path / "to")


def test_a_refusal_in_the_child_keeps_its_code(tmp_path: Path) -> None:
    upload = a_file(tmp_path, "model.pt", b"\x80\x02}q\x00.")
    with pytest.raises(RejectedFile) as caught:
        inspect_model(upload, "model.pt", ModelHints(), tmp_path / "to", Settings())
    assert caught.value.code == "format-runs-code"
    assert "babelport convert" in caught.value.advice


def test_a_compressed_tar_and_a_single_graph_are_read_too(tmp_path: Path) -> None:
    digits = a_declared_digit_reader(tmp_path / "digits")
    assert read(a_tar(tmp_path / "a.tgz", content_of(digits), "gz"))["format"] == "declared_network"
    assert read(an_onnx_upload(tmp_path), "net")["format"] == "onnx"


def an_onnx_upload(folder: Path) -> Path:
    return Path(shutil.copy(ONNX_FILE, folder / "upload"))


def test_a_network_that_was_saved_by_torch_is_refused_under_any_name(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "network")
    for name in ("network.pt", "network.zip", "network.onnx", "network"):
        problem = refusal(tmp_path / "network", name)
        assert (problem.code, problem.fields["kind"]) == ("format-runs-code", "a PyTorch file")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_under_any_name(protocol: int, tmp_path: Path) -> None:
    upload = a_file(tmp_path, "upload", pickle.dumps({"a": 1}, protocol))
    for name in ("model.pkl", "model.onnx", "model.zip", "model"):
        assert refusal(upload, name).code == "format-runs-code"


@pytest.mark.parametrize(
    "name",
    [
        "a.pt",
        "a.PTH",
        "a.bin",
        "a.pt2",
        "a.h5",
        "a.keras",
        "a.joblib",
        "a.pkl",
        "a.pickle",
        "a.ckpt",
        "a.hdf5",
    ],
)
def test_a_name_of_a_format_that_runs_code_is_refused_inside_and_out(
    name: str, tmp_path: Path
) -> None:
    assert refusal(a_file(tmp_path, "upload", b"anything"), name).code == "format-runs-code"
    inside = refusal(a_zip(tmp_path / "a.zip", SAFE | {f"deep/{name}": b"anything"}))
    assert (inside.code, inside.fields["file"]) == ("format-runs-code", f"deep/{name}")


def test_a_pickle_with_an_innocent_name_inside_is_refused(tmp_path: Path) -> None:
    problem = refusal(a_zip(tmp_path / "a.zip", SAFE | {"labels.txt": pickle.dumps([1])}))
    assert (problem.code, problem.fields["file"]) == ("format-runs-code", "labels.txt")


def test_a_weight_file_whose_header_length_looks_like_a_pickle_is_none(tmp_path: Path) -> None:
    members = SAFE | {"model.safetensors": (0x0280).to_bytes(8, "little") + b"{}"}
    assert refusal(a_zip(tmp_path / "a.zip", members)).code != "format-runs-code"


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"model.weights.h5": b"", "config.json": b"{}"}, "a Keras file"),
        ({"net/archive_format": b"pt2", "net/data.pkl": b""}, "a torch.export archive"),
        ({"serialized_exported_program.json": b"{}"}, "a torch.export archive"),
    ],
)
def test_a_zip_that_is_a_library_s_own_format_is_named_as_that(
    members: dict[str, bytes], kind: str, tmp_path: Path
) -> None:
    assert refusal(a_zip(tmp_path / "upload", members), "m.zip").fields["kind"] == kind


def test_an_hdf5_file_is_refused_by_its_first_bytes(tmp_path: Path) -> None:
    problem = refusal(a_file(tmp_path, "upload", b"\x89HDF\r\n\x1a\n" + bytes(100)), "model.onnx")
    assert problem.code == "format-runs-code"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refusal(a_file(tmp_path, "a.zip", b"")).code == "file-empty"


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    whole = zipped(a_declared_digit_reader(tmp_path / "digits")).read_bytes()
    assert refusal(a_file(tmp_path, "a.zip", whole[: len(whole) // 2])).code == "archive-damaged"


def test_an_archive_without_a_model_tells_what_it_holds_and_what_is_accepted(
    tmp_path: Path,
) -> None:
    problem = refusal(a_zip(tmp_path / "a.zip", {"notes.txt": b"hello", "b/c.csv": b"1"}))
    assert problem.code == "format-unknown"
    assert "notes.txt" in problem.message
    for accepted in ("safetensors", "architecture.json", ".onnx"):
        assert accepted in problem.advice


def test_a_file_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    assert refusal(a_file(tmp_path, "notes.txt", b"hello")).code == "format-unknown"
    assert refusal(a_file(tmp_path, "net.onnx", b"hello")).code.startswith("onnx")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", "{}")
    content = bytearray(buffer.getvalue())
    for signature in (b"PK\x03\x04", b"PK\x01\x02"):
        flag = content.index(signature) + (6 if signature == b"PK\x03\x04" else 8)
        content[flag] |= 0x1
    problem = refusal(a_file(tmp_path, "a.zip", bytes(content)))
    assert problem.code == "archive-unsafe"
    assert "encrypted" in problem.message
