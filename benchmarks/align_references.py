"""The reference implementations of MUSE and VecMap, run on vectors that are in memory already.

Both are checkouts that the caller names; nothing of them is kept here. Reading and writing of
text files is taken out, so that only their computing is timed.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch

Pairs = list[tuple[str, str]]


class Space(SimpleNamespace):
    """Words and vectors (float32 (n, width)) of one language."""

    words: list[str]
    matrix: np.ndarray

    @property
    def places(self) -> dict[str, int]:
        """Rows by word."""
        return {word: place for place, word in enumerate(self.words)}


class Muse:
    """facebookresearch/MUSE: orthogonal Procrustes, CSLS dictionaries, CSLS evaluation."""

    def __init__(self, folder: Path, source: Space, target: Space, train: Pairs) -> None:
        with _on_path(folder):
            self._utils = importlib.import_module("src.utils")
            trainers = importlib.import_module("src.trainer")
            self._evaluation = importlib.import_module("src.evaluation.word_translation")
        self._source, self._target = source, target
        self._params = SimpleNamespace(
            cuda=False,
            src_dico=SimpleNamespace(word2id=source.places, lang="en"),
            tgt_dico=SimpleNamespace(word2id=target.places, lang="xx"),
            dico_method="csls_knn_10",
            dico_build="S2T&T2S",
            dico_max_rank=0,
            dico_max_size=0,
            dico_min_size=0,
            dico_threshold=0,
        )
        mapping = torch.nn.Linear(source.matrix.shape[1], source.matrix.shape[1], bias=False)
        sides = [self._embedding(space) for space in (source, target)]
        self._trainer = trainers.Trainer(*sides, mapping.requires_grad_(False), None, self._params)
        with _written(train) as file:
            self._trainer.load_training_dico(str(file))

    def fit(self) -> None:
        """Normalise and map."""
        for space, side in self._sides():
            side.weight.data.copy_(torch.from_numpy(space.matrix))
            self._utils.normalize_embeddings(side.weight.data, "renorm,center,renorm")
        self._trainer.procrustes()

    def round_of_self_learning(self) -> None:
        """A new dictionary of all words, and the map to it."""
        self._trainer.build_dictionary()
        self._trainer.procrustes()

    def evaluate(self, test: Pairs) -> float:
        """Its own P@1 by CSLS."""
        first, second = self.mapped()
        with _written(test) as file:
            scores = self._evaluation.get_word_translation_accuracy(
                "en", self._source.places, first, "xx", self._target.places, second,
                method="csls_knn_10", dico_eval=str(file),
            )  # fmt: skip
        return float(dict(scores)["precision_at_1"]) / 100

    def mapped(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Both languages in one space."""
        trainer = self._trainer
        return trainer.mapping(trainer.src_emb.weight.data), trainer.tgt_emb.weight.data

    def _sides(self) -> list[tuple[Space, Any]]:
        return [(self._source, self._trainer.src_emb), (self._target, self._trainer.tgt_emb)]

    @staticmethod
    def _embedding(space: Space) -> torch.nn.Embedding:
        return torch.nn.Embedding.from_pretrained(torch.from_numpy(space.matrix.copy()))


class VecMap:
    """artetxem/vecmap: its two programs, called with its own arguments."""

    def __init__(self, folder: Path, source: Space, target: Space) -> None:
        with _on_path(folder):
            self._mapping = importlib.import_module("map_embeddings")
            self._evaluation = importlib.import_module("eval_translation")
            self._files = importlib.import_module("embeddings")
        self._spaces = (source, target)

    def map(self, *arguments: str, train: Pairs | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Run `map_embeddings.py`; with `train` the last argument takes a dictionary."""
        written: list[np.ndarray] = []
        with _written(train or []) as file:
            given = [*arguments, str(file)] if train is not None else list(arguments)
            places = [os.devnull] * 4
            with mock.patch.object(
                self._files, "write", lambda words, matrix, file: written.append(matrix)
            ):
                self._run(self._mapping, [*places, *given], self._spaces)
        return written[0], written[1]

    def evaluate(self, mapped: tuple[np.ndarray, np.ndarray], test: Pairs) -> float:
        """Its own P@1 by CSLS, from `eval_translation.py`."""
        spaces = [
            Space(words=space.words, matrix=matrix)
            for space, matrix in zip(self._spaces, mapped, strict=True)
        ]
        with _written(test) as file:
            arguments = [os.devnull, os.devnull, "-d", str(file), "--retrieval", "csls"]
            said = self._run(self._evaluation, arguments, (spaces[0], spaces[1]))
        found = re.search(r"Accuracy:\s*([\d.]+)%", said)
        assert found is not None, said
        return float(found.group(1)) / 100

    def _run(self, module: Any, arguments: list[str], spaces: tuple[Space, Space]) -> str:
        waiting = iter(spaces)

        def read(file: object, dtype: str = "float") -> tuple[list[str], np.ndarray]:
            space = next(waiting)
            return space.words, space.matrix.astype(dtype, copy=True)

        said = io.StringIO()
        with (
            mock.patch.object(self._files, "read", read),
            mock.patch.object(sys, "argv", ["program", *arguments]),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            module.main()
        return said.getvalue()


@contextlib.contextmanager
def _written(pairs: Pairs) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pairs.txt"
        file.write_text("".join(f"{a} {b}\n" for a, b in pairs), encoding="utf-8")
        yield file


@contextlib.contextmanager
def _on_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.resolve()))
