"""Models as torch, Keras and tf2onnx export them, against ONNX Runtime."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch.nn import functional

from app.domain.errors.model_formats import OnnxBatchFixed
from app.domain.models import ModelHints
from app.formats.catalog import OnnxFormat
from app.formats.onnx.network import OnnxNetwork
from app.formats.onnx.signature import to_layout
from app.learn.training.optimiser import decaying_parameters
from tests.support.onnx_models import run_onnx

FILES = sorted((Path(__file__).parents[2] / "support" / "onnx_files").glob("*.onnx"))
# Its class token is expanded to one image, which no reshaping can undo.
TRAINABLE = [path for path in FILES if path.stem != "torch-dynamo-fixed-attentive"]
FORMAT = OnnxFormat()

every_file = pytest.mark.parametrize("path", TRAINABLE, ids=lambda path: path.stem)


@every_file
def test_logits_are_those_of_onnx_runtime(path: Path, tmp_path: Path) -> None:
    network, images = _loaded(path, tmp_path)
    assert _difference(network, path, images) < 1e-4


@every_file
def test_the_head_after_the_features_is_the_whole_network(path: Path, tmp_path: Path) -> None:
    network, images = _loaded(path, tmp_path)
    batch = network.collate(images)
    features = network.features(batch)
    assert torch.equal(network.head(features), network(batch))
    head = sum(parameter.numel() for parameter in network.head_parameters())
    body = sum(parameter.numel() for parameter in network.body_parameters())
    classes = len(network.labels)
    assert head == classes * features.shape[1] + classes
    assert head + body == sum(parameter.numel() for parameter in network.parameters())


@every_file
def test_trained_weights_return_into_the_original_graph(path: Path, tmp_path: Path) -> None:
    network, images = _loaded(path, tmp_path)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    _train(network, images)
    facts = FORMAT.inspect(tmp_path, ModelHints())
    (target := tmp_path / "saved").mkdir()
    FORMAT.save(network, facts, target)

    assert not any(map(torch.equal, network.parameters(), before))
    assert _difference(network, target / "model.onnx", images) < 1e-4
    assert _shape_of(target / "model.onnx") == _shape_of(path)
    reloaded = FORMAT.load(target, FORMAT.inspect(target, ModelHints()))
    with torch.no_grad():
        batch = network.collate(images)
        assert torch.allclose(reloaded(batch), network(batch), atol=1e-6)


def test_a_reset_network_keeps_nothing_it_has_learnt(tmp_path: Path) -> None:
    for path in TRAINABLE:
        network, _ = _loaded(path, tmp_path / path.stem)
        before = [parameter.clone() for parameter in network.parameters()]
        network.reset()
        for old, new in zip(before, network.parameters(), strict=True):
            fresh_scale = bool(((new == 0) | (new == 1)).all())
            assert fresh_scale or not torch.equal(old, new)
            assert torch.isfinite(new).all()


def test_a_reset_depends_on_the_seed_alone(tmp_path: Path) -> None:
    network, images = _loaded(FILES[0], tmp_path)
    logits = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        network.reset()
        logits.append(network(network.collate(images)))
    assert torch.equal(logits[0], logits[1])
    assert not torch.allclose(logits[0], logits[2])


def test_class_tokens_and_positions_of_a_graph_do_not_decay(tmp_path: Path) -> None:
    path = next(path for path in TRAINABLE if path.stem == "torch-dynamo-attentive")
    network, _ = _loaded(path, tmp_path)
    decaying = {id(p) for p in decaying_parameters(network)}
    resting = [p for p in network.parameters() if p.ndim >= 2 and id(p) not in decaying]
    assert decaying == {id(p) for p in network.matrices()}
    assert resting
    assert all(len(p) == 1 for p in resting)


def test_a_graph_that_only_takes_single_images_is_refused(tmp_path: Path) -> None:
    path = next(path for path in FILES if path not in TRAINABLE)
    shutil.copy(path, tmp_path / "model.onnx")
    with pytest.raises(OnnxBatchFixed) as refusal:
        FORMAT.inspect(tmp_path, ModelHints())
    assert refusal.value.fields["batch"] == 1
    assert "dynamic" in refusal.value.advice


def _loaded(path: Path, folder: Path) -> tuple[OnnxNetwork, np.ndarray]:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder / "model.onnx")
    facts = FORMAT.inspect(folder, ModelHints())
    network = FORMAT.load(folder, facts)
    assert isinstance(network, OnnxNetwork)
    image = network.image
    generator = np.random.default_rng(0)
    shape = (3, image.channels, image.height, image.width)
    return network, generator.integers(0, 256, shape, dtype=np.uint8)


def _difference(network: OnnxNetwork, path: Path, images: np.ndarray) -> float:
    """The largest deviation from ONNX Runtime, behind the graph's own softmax if it has one."""
    batch = network.collate(images)
    with torch.no_grad():
        logits = network(batch)
    ends = {"Softmax": logits.softmax(1), "LogSoftmax": logits.log_softmax(1)}
    reference = run_onnx(path, to_layout(batch["pixels"], network.layout).numpy())
    return float((ends.get(_last_operator(path), logits) - torch.from_numpy(reference)).abs().max())


def _last_operator(path: Path) -> str:
    graph = onnx.load(path).graph
    return next(node.op_type for node in graph.node if graph.output[0].name in node.output)


def _shape_of(path: Path) -> list[tuple[str, list[str], list[str]]]:
    graph = onnx.load(path).graph
    return [(node.op_type, list(node.input), list(node.output)) for node in graph.node]


def _train(network: OnnxNetwork, images: np.ndarray) -> None:
    torch.manual_seed(0)
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(2):
        optimiser.zero_grad()
        functional.cross_entropy(
            network(network.collate(images)), torch.tensor([0, 1, 2])
        ).backward()
        optimiser.step()
    network.eval()
