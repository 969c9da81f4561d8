"""What a model format is; `catalog.py` lists them, and one contract suite tests them all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.domain.enums import Format
from app.domain.models import ModelFacts, ModelHints

if TYPE_CHECKING:
    from app.learn.network import Network


class ModelFormat(Protocol):
    """Reads and writes one layout of model folders; its module imports torch only when called.

    A folder is what an upload unpacks to; a single uploaded file is a folder with that file.
    """

    name: Format

    def recognises(self, folder: Path) -> bool:
        """Whether the folder looks like this format, by its files' names and first bytes."""

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read and run the model once; raises a `RejectedFile` that says what to do.

        It may add a file to the folder from which `load` is quicker; `load` does without it.
        """

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, float32, on the CPU, in eval mode."""

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write the network into an empty folder such that `load` gives equal predictions."""
