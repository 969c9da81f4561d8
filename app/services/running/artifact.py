"""The transferred model as the bytes that are registered, and as the network read from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.artifacts.archive import pack
from app.domain.models import ModelFacts
from app.formats.catalog import format_named

if TYPE_CHECKING:
    from app.learn.network import Network


def write_model(network: Network, facts: ModelFacts, workspace: Path) -> tuple[Path, Network]:
    """Write the model's file into `workspace`; gives it, and the network as read back from it.

    What is evaluated is what will be served: a file in half precision does not answer exactly
    as the network that was trained.
    """
    folder, file = workspace / "model", workspace / "model.artifact"
    folder.mkdir()
    written = format_named(facts.format)
    written.save(network, facts, folder)
    pack(folder, file)
    return file, written.load(folder, facts)
