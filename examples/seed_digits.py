"""Train the seed, a small reader of handwritten digits, and export it in two formats.

    python examples/seed_digits.py --source latin.npz --size 28 --out seed/

The network is two 5x5 convolutions and two fully connected layers, trained by plain SGD at 0.01
on the cross-entropy. It stands for the model that a user brings: any other classifier that fits
the formats of `docs/formats.md` will do as well.
"""

from __future__ import annotations

import argparse
import json
import logging
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

BATCH_SIZE = 16
LEARNING_RATE = 0.01
DIGITS = [str(digit) for digit in range(10)]


def seed_network(size: int) -> nn.Sequential:
    """The seed, untrained, for images float (n, 1, size, size) in 0..1; logits (n, 10)."""
    side = ((size - 4) // 2 - 4) // 2
    return nn.Sequential(
        nn.Conv2d(1, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * side * side, 256),
        nn.ReLU(),
        nn.Linear(256, 10),
    )


def train_seed(
    x: np.ndarray, y: np.ndarray, size: int = 28, epochs: int = 4, seed: int = 0
) -> nn.Sequential:
    """Train the seed on uint8 images `x` (n, height, width), scaled to `size`, of digits `y`."""
    torch.manual_seed(seed)
    network = seed_network(size)
    images, targets = prepare(x, size), torch.as_tensor(y.astype(np.int64))
    optimiser = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)
    with Progress() as bars:
        bar = bars.add_task("Training the seed", total=epochs * len(targets))
        for _ in range(epochs):
            for rows in torch.randperm(len(targets)).split(BATCH_SIZE):
                loss = functional.cross_entropy(network(images[rows]), targets[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                bars.advance(bar, len(rows))
    return network.eval()


def prepare(x: np.ndarray, size: int) -> Tensor:
    """Images uint8 (n, height, width) as float (n, 1, size, size) in 0..1."""
    images = torch.as_tensor(resize(x, size))
    return images.unsqueeze(1).float() / 255


def resize(x: np.ndarray, size: int) -> np.ndarray:
    """Images uint8 (n, height, width) scaled to uint8 (n, size, size)."""
    if x.shape[1:] == (size, size):
        return x
    images = torch.as_tensor(x).unsqueeze(1).float()
    scaled = functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    return scaled.squeeze(1).round().clamp(0, 255).to(torch.uint8).numpy()


def accuracy(network: nn.Sequential, x: np.ndarray, y: np.ndarray, size: int) -> float:
    """The share of images `x` whose digit the network reads rightly."""
    with torch.inference_mode():
        chunks = [network(part).argmax(1) for part in prepare(x, size).split(1000)]
    return float((torch.cat(chunks).numpy() == y).mean())


def export_declared(network: nn.Sequential, size: int, path: Path) -> None:
    """Write a zip of `model.safetensors` and `architecture.json`."""
    architecture = {
        "input": _input(size),
        "labels": DIGITS,
        "layers": [_layer(layer) for layer in network],
    }
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("architecture.json", json.dumps(architecture, indent=2))
        archive.writestr("model.safetensors", save(weights))


def export_onnx(network: nn.Sequential, size: int, path: Path) -> None:
    """Write one ONNX file that names its labels and its input in the metadata."""
    # The exporter warns of optional packages that this network does not need.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="copyreg")
    program = torch.onnx.export(
        network,
        (torch.zeros(2, 1, size, size),),
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )
    program.model.metadata_props["labels"] = json.dumps(DIGITS)
    program.model.metadata_props["input"] = json.dumps(_input(size))
    program.save(str(path))


def _input(size: int) -> dict[str, Any]:
    return {"channels": 1, "height": size, "width": size, "mean": [0.0], "std": [1.0]}


def _layer(layer: nn.Module) -> dict[str, Any]:
    arguments = {
        nn.Conv2d: ("in_channels", "out_channels", "kernel_size"),
        nn.MaxPool2d: ("kernel_size",),
        nn.Linear: ("in_features", "out_features"),
    }
    names = arguments.get(type(layer), ())
    return {"type": type(layer).__name__} | {name: getattr(layer, name) for name in names}


def main() -> None:
    """Train on an NPZ with `x_train`, `y_train` (and `x_test`, `y_test`), export both formats."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="NPZ of labelled digits")
    parser.add_argument("--size", type=int, default=28, choices=(28, 44))
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("seed"), help="folder to write to")
    given = parser.parse_args()
    with np.load(given.source, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    x, y = data.get("x_train", data.get("x")), data.get("y_train", data.get("y"))
    network = train_seed(x, y, given.size, given.epochs, given.seed)
    if "x_test" in data:
        score = accuracy(network, data["x_test"], data["y_test"], given.size)
        print(f"Accuracy on {len(data['y_test'])} test images: {score:.4f}")
    given.out.mkdir(parents=True, exist_ok=True)
    export_declared(network, given.size, given.out / f"seed-{given.size}.zip")
    export_onnx(network, given.size, given.out / f"seed-{given.size}.onnx")
    print(f"Wrote seed-{given.size}.zip and seed-{given.size}.onnx to {given.out}")


if __name__ == "__main__":
    main()
