"""The format `huggingface`: a directory with `config.json` and safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.enums import Format
from app.domain.models import ModelFacts, ModelHints

if TYPE_CHECKING:
    from app.learn.network import Network


class HuggingFaceFormat:
    """Text classifiers, plain text encoders with or without a head, and image classifiers."""

    name = Format.HUGGINGFACE

    def recognises(self, folder: Path) -> bool:
        """Whether `config.json` is there."""
        return (folder / "config.json").is_file()

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read and run the model once; raises a `RejectedFile` that says what to do."""
        from app.formats.huggingface.inspect import inspect

        return inspect(folder, hints)

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, float32, on the CPU, in eval mode."""
        from app.formats.huggingface.load import load

        return load(folder, facts)

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write the network, its tokenizer or preparation, and its labels into an empty folder."""
        from app.formats.huggingface.save import save

        save(network, folder)
