"""The format `word_vectors`: word2vec, fastText's .vec, GloVe, NumPy, and a layout of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.enums import Format
from app.domain.models import ModelFacts, ModelHints

if TYPE_CHECKING:
    from app.learn.network import Network

_DESCRIPTION_FILE = "word_vectors.json"


class WordVectorFormat:
    """Word vectors with a linear head on pooled vectors, or without."""

    name = Format.WORD_VECTORS

    def recognises(self, folder: Path) -> bool:
        """Whether `word_vectors.json` or a file that begins like word vectors is there."""
        from app.formats.word_vectors.find_raw import raw_files

        if (folder / _DESCRIPTION_FILE).is_file():
            return True
        others = ("config.json", "architecture.json", "model.onnx")
        return not any((folder / name).is_file() for name in others) and bool(raw_files(folder))

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read the vectors and write them where `load` finds them; raises a `RejectedFile`."""
        from app.formats.word_vectors.inspect import inspect

        return inspect(folder, hints)

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, memory mapped where the folder has the kept layout."""
        from app.formats.word_vectors.inspect import load

        return load(folder, facts)

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write matrix, vocabulary, description and head into an empty folder."""
        from app.formats.word_vectors.files import write_network
        from app.learn.word_vectors.network import WordVectorNetwork

        if not isinstance(network, WordVectorNetwork):
            raise TypeError(f"A {type(network).__name__} is no network of word vectors.")
        write_network(network, folder)
