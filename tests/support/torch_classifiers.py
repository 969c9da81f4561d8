"""Small image classifiers in torch, of the kinds that users bring."""

from __future__ import annotations

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]


def classifiers() -> dict[str, tuple[nn.Module, Shape]]:
    """Each in eval mode with random weights and statistics, and the images it takes."""
    torch.manual_seed(0)
    networks: dict[str, tuple[nn.Module, Shape]] = {
        "convolutional": (convolutional(), (1, 28, 28)),
        "residual": (Residual(), (3, 32, 32)),
        "pooled": (pooled(), (1, 27, 30)),
        "attentive": (Attentive(), (3, 32, 32)),
        "fully-convolutional": (fully_convolutional(), (3, 32, 32)),
    }
    for network, _ in networks.values():
        _draw_statistics(network)
    return {name: (network.eval(), shape) for name, (network, shape) in networks.items()}


def convolutional() -> nn.Module:
    """Two convolutions, two linear layers, a softmax."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 32),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(32, 10),
        nn.Softmax(1),
    )


def pooled() -> nn.Module:
    """Pools of every kind, on sides that no stride divides."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, stride=2, padding=1),
        nn.PReLU(6, init=0.1),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        nn.Conv2d(6, 8, 3, padding=2, dilation=2, groups=2),
        nn.GroupNorm(2, 8),
        nn.ELU(),
        nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
        nn.InstanceNorm2d(8, affine=True),
        nn.ReflectionPad2d(1),
        nn.AvgPool2d(2, stride=1, padding=1),
        nn.Hardsigmoid(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
        nn.LogSoftmax(1),
    )


def fully_convolutional() -> nn.Module:
    """A convolution as the head, pooled afterwards (SqueezeNet's way)."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.LeakyReLU(0.1),
        nn.Conv2d(8, 6, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


class Residual(nn.Module):
    """Batch norms, depthwise convolutions, a skip connection, squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.Hardswish()
        )
        self.block = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6()
        )
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Sigmoid())
        self.norm = nn.BatchNorm1d(8)
        self.classifier = nn.Linear(8, 7)

    def forward(self, images: Tensor) -> Tensor:
        stem = self.stem(images)
        block = self.block(stem)
        joined = stem + block * self.gate(block)
        return self.classifier(self.norm(joined.mean((2, 3))))


class Attentive(nn.Module):
    """A vision transformer of two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 8, stride=8)
        self.first = nn.Parameter(torch.randn(1, 1, 16))
        self.places = nn.Parameter(torch.randn(1, 17, 16))
        layer = nn.TransformerEncoderLayer(16, 2, 32, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.classifier = nn.Linear(16, 5)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(images.shape[0], -1, -1), patches], 1) + self.places
        return self.classifier(self.encoder(tokens)[:, 0])


def _draw_statistics(network: nn.Module) -> None:
    """Scales, shifts and running statistics that differ from those of a fresh network."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm)
    for module in network.modules():
        if isinstance(module, kinds):
            tensors = [module.weight, module.bias, *module.buffers()]
            for tensor in tensors:
                if tensor.is_floating_point():
                    nn.init.uniform_(tensor, 0.5, 1.5)
