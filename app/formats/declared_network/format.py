"""The format `declared_network`: `model.safetensors` and `architecture.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.enums import Format
from app.domain.models import ModelFacts, ModelHints

if TYPE_CHECKING:
    from app.learn.network import Network

ARCHITECTURE_FILE = "architecture.json"
WEIGHTS_FILE = "model.safetensors"


class DeclaredNetworkFormat:
    """Image classifiers written down as a list of allow-listed torch.nn layers."""

    name = Format.DECLARED_NETWORK

    def recognises(self, folder: Path) -> bool:
        """Whether `architecture.json` is there."""
        return (folder / ARCHITECTURE_FILE).is_file()

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read and run the model once; raises a `RejectedFile` that says what to do."""
        from app.formats.declared_network.files import inspect

        return inspect(folder, hints)

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, float32, on the CPU, in eval mode."""
        from app.formats.declared_network.files import load

        return load(folder, facts)

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write both files into an empty folder."""
        from app.formats.declared_network.files import save

        save(network, facts, folder)
