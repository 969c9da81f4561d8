"""The seed: the network of the examples, in both sizes and both formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from app.artifacts.archive import unpack
from app.domain.models import ModelHints
from app.formats.catalog import ModelFormat, detect_format
from app.learn.network import Network
from examples.seed_digits import (
    accuracy,
    export_declared,
    export_onnx,
    prepare,
    resize,
    seed_network,
    train_seed,
)


@pytest.mark.parametrize(("size", "width"), [(28, 32 * 4 * 4), (44, 32 * 8 * 8)])
def test_the_flattened_width_follows_from_the_size(size: int, width: int) -> None:
    network = seed_network(size)
    assert network[7].in_features == width
    assert network(torch.zeros(2, 1, size, size)).shape == (2, 10)


@pytest.mark.parametrize("size", [28, 44])
@pytest.mark.parametrize("kind", ["declared", "onnx"])
def test_an_export_answers_as_the_trained_network(kind: str, size: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = seed_network(size).eval()
    folder = tmp_path / "model"
    if kind == "onnx":
        folder.mkdir()
        export_onnx(network, size, folder / "model.onnx")
    else:
        export_declared(network, size, tmp_path / "model.zip")
        unpack(tmp_path / "model.zip", folder, max_bytes=2**24, max_members=10)
    loaded = _load(detect_format(folder), folder)
    assert loaded.labels == tuple("0123456789")
    images = np.random.default_rng(0).integers(0, 256, (3, size, size), dtype=np.uint8)
    with torch.no_grad():
        logits = loaded(loaded.collate(images[:, None]))
        assert torch.allclose(logits, network(prepare(images, size)), atol=1e-5)


def test_training_learns_and_depends_on_the_seed_alone() -> None:
    y = np.arange(200) % 10
    x = np.random.default_rng(0).integers(0, 60, (200, 28, 28), dtype=np.uint8)
    for row, digit in enumerate(y):
        x[row, 2 * digit + 2 : 2 * digit + 8, 4:24] = 255
    first, again = (train_seed(x, y, 28, epochs=12, seed=1) for _ in range(2))
    assert accuracy(first, x, y, 28) > 0.5
    assert all(map(torch.equal, first.parameters(), again.parameters()))


def test_images_are_scaled_to_the_larger_size() -> None:
    image = np.zeros((1, 28, 28), dtype=np.uint8)
    image[0, :14] = 200
    scaled = resize(image, 44)
    assert scaled.shape == (1, 44, 44)
    assert scaled.dtype == np.uint8
    assert (scaled[0, :20] == 200).all()
    assert not scaled[0, 25:].any()


def _load(found: ModelFormat, folder: Path) -> Network:
    return found.load(folder, found.inspect(folder, ModelHints()))
