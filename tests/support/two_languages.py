"""Two made-up languages: word w12 of the one means v12 of the other, in rotated vectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.learn.data.examples import Examples, TextPairs
from tests.support.models import INTENTS
from tests.support.word_vectors import word_vectors, write_text_vectors

WIDTH = 12
WORDS = 300


@dataclass(frozen=True)
class TwoLanguages:
    """`source` and `target`: float32 (words, width), word by word translations of each other."""

    source: np.ndarray
    target: np.ndarray

    def classifier(self, folder: Path) -> Path:
        """A classifier of the first language: a label is where a text's mean vector points to."""
        from safetensors.numpy import save_file

        word_vectors(folder, self.words("w"), self.source, labels=INTENTS)
        weight = 20 * np.eye(len(INTENTS), WIDTH, dtype=np.float32)
        bias = -weight @ self.source.mean(axis=0)
        save_file({"weight": weight, "bias": bias}, folder / "head.safetensors")
        return folder

    def target_vectors(self, file: Path) -> Path:
        """The second language's vectors, as a file."""
        return write_text_vectors(file, self.words("v"), self.target)

    def words(self, letter: str) -> list[str]:
        """The words of the language whose words begin with `letter`."""
        return [f"{letter}{number}" for number in range(WORDS)]

    def dictionary(self, pairs: int) -> TextPairs:
        """Translations of the first words."""
        return TextPairs(tuple(self.words("w")[:pairs]), tuple(self.words("v")[:pairs]))

    def texts(self, letter: str, rows: int = 60, seed: int = 5) -> Examples:
        """Texts of 6 words; equal seeds give translations of each other."""
        drawn = np.random.default_rng(seed).integers(0, WORDS, (rows, 6))
        means = self.source[drawn].mean(axis=1) - self.source.mean(axis=0)
        return Examples(
            inputs=[" ".join(f"{letter}{number}" for number in text) for text in drawn],
            targets=means[:, : len(INTENTS)].argmax(axis=1),
            rows=np.arange(1, rows + 1),
        )


def two_languages(noise: float = 0.02) -> TwoLanguages:
    """Both languages' vectors, with a mean of their own and a little noise between them."""
    random = np.random.default_rng(0)
    rotation = np.linalg.qr(random.normal(size=(WIDTH, WIDTH)))[0]
    meanings = random.normal(size=(WORDS, WIDTH)) * np.linspace(1.0, 0.4, WIDTH)
    source = meanings + 0.3
    target = 2.0 * (meanings + noise * random.normal(size=meanings.shape)) @ rotation - 0.2
    return TwoLanguages(source.astype(np.float32), target.astype(np.float32))
