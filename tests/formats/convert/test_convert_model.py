"""`babelport convert`: accepted files out of ones that run code."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from safetensors.torch import load_file
from typer.testing import CliRunner

from app.artifacts.archive import unpack
from app.cli.convert import convert
from app.cli.main import ErrorReportingGroup
from app.domain.errors import BabelportError
from app.domain.models import ImageInput, ModelFacts, ModelHints
from app.formats.catalog import detect_format
from app.formats.convert.convert_model import convert_model
from app.formats.convert.torch_files import ConversionRequest
from app.learn.network import Network
from tests.support.models import SENTENCES, a_declared_digit_reader, a_text_classifier
from tests.support.torch_classifiers import classifiers, convolutional

IMAGE = {"channels": 1, "height": 28, "width": 28}
LABELS = tuple("abcdefghij")


class RunsCode:
    """A pickle that makes a folder when it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin"])
def test_weights_with_an_architecture_become_a_declared_network(
    suffix: str, tmp_path: Path
) -> None:
    declared = a_declared_digit_reader(tmp_path / "declared")
    source = tmp_path / f"model{suffix}"
    torch.save(load_file(declared / "model.safetensors"), source)
    request = ConversionRequest(architecture=declared / "architecture.json")
    convert_model(source, tmp_path / "model.zip", request)
    assert _same(_load(tmp_path / "model.zip"), _load_folder(declared)[0])


def test_weights_by_other_names_in_a_checkpoint_fit_by_their_order(tmp_path: Path) -> None:
    declared = a_declared_digit_reader(tmp_path / "declared")
    weights = load_file(declared / "model.safetensors")
    layers = json.loads((declared / "architecture.json").read_text())["layers"]
    order = sorted(weights, key=lambda name: (int(name.split(".")[0]), name.endswith("bias")))
    renamed = {f"net.block{i}": weights[name] for i, name in enumerate(order)}
    torch.save({"model_state_dict": renamed, "epoch": 3}, tmp_path / "model.pth")
    request = ConversionRequest(architecture=declared / "architecture.json")
    facts = convert_model(tmp_path / "model.pth", tmp_path / "model.zip", request)
    assert facts.architecture.count(",") == len(layers) - 1
    assert _same(_load(tmp_path / "model.zip"), _load_folder(declared)[0])


def test_weights_of_another_shape_are_named(tmp_path: Path) -> None:
    declared = a_declared_digit_reader(tmp_path / "declared")
    torch.save({"first": torch.zeros(3, 3)}, tmp_path / "model.pt")
    request = ConversionRequest(architecture=declared / "architecture.json")
    refusal = _refusal(tmp_path / "model.pt", tmp_path / "model.zip", request)
    assert refusal.code == "weights-do-not-fit"
    assert "first is (3, 3)" in refusal.message


def test_weights_without_an_architecture_ask_for_one(tmp_path: Path) -> None:
    torch.save(convolutional().state_dict(), tmp_path / "model.pt")
    refusal = _refusal(tmp_path / "model.pt", tmp_path / "model.zip", ConversionRequest())
    assert refusal.code == "conversion-needs-architecture"
    assert "--architecture" in refusal.advice


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".bin"])
def test_a_pickle_runs_nothing_without_trust(suffix: str, tmp_path: Path) -> None:
    source = tmp_path / f"model{suffix}"
    torch.save({"weights": RunsCode(tmp_path / "proof")}, source)
    refusal = _refusal(source, tmp_path / "model.zip", ConversionRequest())
    assert refusal.code == "conversion-needs-trust"
    assert "--trust" in refusal.advice
    assert not (tmp_path / "proof").exists()
    assert not (tmp_path / "model.zip").exists()


def test_a_whole_module_becomes_onnx_when_it_is_trusted(tmp_path: Path) -> None:
    network, _ = classifiers()["convolutional"]
    torch.save(network, tmp_path / "model.pt")
    request = ConversionRequest(input=IMAGE | {"mean": [0.5]}, labels=LABELS, trust=True)
    facts = convert_model(tmp_path / "model.pt", tmp_path / "model.onnx", request)
    assert facts.labels == LABELS
    assert facts.input == ImageInput(1, 28, 28, (0.5,), (1.0,))
    ours, found = _load_folder(_onnx_folder(tmp_path / "model.onnx"))
    assert found == facts, "labels and input are written into the file"
    pixels = torch.rand(3, 1, 28, 28)
    probabilities = ours({"pixels": pixels}).softmax(1)
    assert torch.allclose(probabilities, network(pixels), atol=1e-5)


def test_a_whole_module_needs_to_know_its_images(tmp_path: Path) -> None:
    torch.save(convolutional(), tmp_path / "model.pt")
    refusal = _refusal(
        tmp_path / "model.pt", tmp_path / "model.onnx", ConversionRequest(trust=True)
    )
    assert refusal.code == "conversion-needs-input"


def test_an_exported_program_becomes_onnx_when_it_is_trusted(tmp_path: Path) -> None:
    network, _ = classifiers()["convolutional"]
    batch = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(network, (torch.zeros(2, 1, 28, 28),), dynamic_shapes=batch)
    torch.export.save(program, tmp_path / "model.pt2")
    refusal = _refusal(tmp_path / "model.pt2", tmp_path / "model.onnx", ConversionRequest())
    assert refusal.code == "conversion-needs-trust"
    facts = convert_model(
        tmp_path / "model.pt2", tmp_path / "model.onnx", ConversionRequest(trust=True)
    )
    assert len(facts.labels) == 10


def test_a_hugging_face_folder_loses_its_pickles(tmp_path: Path) -> None:
    source = a_text_classifier(tmp_path / "source")
    expected, _ = _load_folder(source)
    torch.save(load_file(source / "model.safetensors"), source / "pytorch_model.bin")
    (source / "model.safetensors").unlink()
    (source / "training_args.bin").write_bytes(b"\x80\x04")
    convert_model(source, tmp_path / "model.zip", ConversionRequest())
    assert _same(_load(tmp_path / "model.zip"), expected, SENTENCES)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_keras_file_asks_for_keras_where_it_is_not_installed(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (source := tmp_path / f"model{suffix}").write_bytes(b"\x89HDF\r\n\x1a\n")
    refusal = _refusal(source, tmp_path / "model.onnx", ConversionRequest())
    assert refusal.code == "conversion-needs-package"
    assert "pip install keras" in refusal.advice


def test_a_target_named_like_another_format_is_not_written(tmp_path: Path) -> None:
    declared = a_declared_digit_reader(tmp_path / "declared")
    torch.save(load_file(declared / "model.safetensors"), tmp_path / "model.pt")
    request = ConversionRequest(architecture=declared / "architecture.json")
    refusal = _refusal(tmp_path / "model.pt", tmp_path / "model.onnx", request)
    assert refusal.code == "target-suffix-wrong"
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("name", ["absent.pt", "model.txt", "empty-folder"])
def test_what_cannot_be_converted_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty-folder").mkdir()
    (tmp_path / "model.txt").write_text("nothing")
    refusal = _refusal(tmp_path / name, tmp_path / "model.zip", ConversionRequest())
    assert refusal.code == "conversion-unknown"


def test_the_command_shows_what_to_do(tmp_path: Path) -> None:
    torch.save(convolutional(), tmp_path / "model.pt")
    arguments = ["convert", str(tmp_path / "model.pt"), str(tmp_path / "model.onnx")]
    app = typer.Typer(cls=ErrorReportingGroup)
    app.command()(convert)
    app.callback()(lambda: None)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "--trust" in done.stderr
    done = CliRunner().invoke(app, [*arguments, "--trust", "--input", json.dumps(IMAGE)])
    assert done.exit_code == 0, done.stderr
    assert "image-classification, 10 labels" in done.stdout


def _refusal(source: Path, target: Path, request: ConversionRequest) -> BabelportError:
    with pytest.raises(BabelportError) as refusal:
        convert_model(source, target, request)
    return refusal.value


def _load(archive: Path) -> Network:
    folder = archive.with_suffix("")
    unpack(archive, folder, max_bytes=2**30, max_members=100)
    return _load_folder(folder)[0]


def _onnx_folder(file: Path) -> Path:
    (folder := file.parent / "unpacked").mkdir()
    file.rename(folder / "model.onnx")
    return folder


def _load_folder(folder: Path) -> tuple[Network, ModelFacts]:
    found = detect_format(folder)
    facts = found.inspect(folder, ModelHints())
    return found.load(folder, facts), facts


def _same(ours: Network, theirs: Network, texts: Sequence[str] = ()) -> bool:
    """Whether both answer alike, to texts or, where none are given, to digits."""
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 28, 28), dtype=np.uint8)
    inputs = list(texts) or images
    with torch.no_grad():
        return torch.equal(ours(ours.collate(inputs)), theirs(theirs.collate(inputs)))
