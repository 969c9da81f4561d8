"""The transferred model as the bytes that are registered, and as the network read from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.artifacts.archive import pack
from app.domain.models import ModelFacts, ModelHints
from app.formats.catalog import format_named
from app.methods.contract import MethodOutput

if TYPE_CHECKING:
    from app.learn.network import Network


def write_model(
    output: MethodOutput, facts: ModelFacts, workspace: Path
) -> tuple[Path, Network, ModelFacts]:
    """Write the model's file into `workspace`; gives it, and the network as read back from it.

    What is evaluated is what will be served: a file in half precision does not answer exactly
    as the network that was trained. The facts of a network of another shape than the source's
    are read from the file as well.
    """
    folder, file = workspace / "model", workspace / "model.artifact"
    folder.mkdir()
    written = format_named(facts.format)
    written.save(output.network, facts, folder)
    if output.rebuilt:
        facts = written.inspect(folder, ModelHints(labels=output.network.labels))
    pack(folder, file)
    return file, written.load(folder, facts), facts
