"""Moves vectors of several languages onto those of one, by the languages' means."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

# Of the mean variance, so much is added to the variance in every direction.
_SHRINKAGE = 0.03


class LanguageShift(nn.Module):
    """Adds (first mean - own mean) to each vector, by the language that it is taken for.

    The languages of a multilingual encoder differ by little more than such an offset (Libovický
    et al., 2020). `means` float32 (languages, width) are theirs, the source language's first, so
    that its vectors are not moved at all. Which language a vector is of is told by linear
    discriminant analysis (Fisher, 1936): the nearest mean, in units of `covariance`, float32
    (width, width), that of vectors around their language's mean, since what the texts are about
    may spread vectors much wider than their language does. `rows` counts the vectors behind it.
    """

    means: Tensor
    covariance: Tensor
    weight: Tensor
    offset: Tensor

    def __init__(
        self, names: tuple[str, ...], means: Tensor, covariance: Tensor, rows: int
    ) -> None:
        super().__init__()
        self.names, self.rows = names, rows
        self.register_buffer("means", means.float())
        self.register_buffer("covariance", covariance.float())
        double = means.double()
        weight = torch.linalg.solve(_shrunk(covariance.double()), double.T).T
        self.register_buffer("weight", weight.float(), persistent=False)
        offset = -0.5 * (weight * double).sum(dim=1)
        self.register_buffer("offset", offset.float(), persistent=False)

    @classmethod
    def of(cls, vectors: Mapping[str, Tensor]) -> LanguageShift:
        """By the vectors, float (n, width), of each language; the source language comes first."""
        (first, rows), *others = vectors.items()
        around = rows.double() - rows.double().mean(dim=0)
        covariance = around.T @ around / len(rows)
        made = cls((first,), rows.double().mean(dim=0, keepdim=True), covariance, len(rows))
        for name, more in others:
            made = made.added(name, more)
        return made

    def added(self, name: str, vectors: Tensor, mix: Tensor | None = None) -> LanguageShift:
        """The same with one language more, or with new vectors for one there is, but the first.

        `mix` (width,) is what label shares unlike the first language's add to the mean of
        `vectors`; the language's mean is without it.
        """
        middle = vectors.double().mean(dim=0)
        mean = middle if mix is None else middle - mix.double()
        means = dict(zip(self.names, self.means.double(), strict=True)) | {name: mean}
        total = self.rows + len(vectors)
        around = vectors.double() - middle
        pooled = (self.rows * self.covariance.double() + around.T @ around) / total
        return LanguageShift(tuple(means), torch.stack(list(means.values())), pooled, total)

    def languages_of(self, vectors: Tensor) -> Tensor:
        """The position among `names` that each vector, float (n, width), is taken for: (n,)."""
        return (vectors.float() @ self.weight.T + self.offset).argmax(dim=1)

    def forward(self, vectors: Tensor) -> Tensor:
        """The vectors moved, float32 (n, width)."""
        return vectors.float() + (self.means[0] - self.means)[self.languages_of(vectors)]

    def fixed(self, name: str) -> LanguageShift:
        """One that takes every vector to be of `name`, one of `names`."""
        place = self.names.index(name)
        fixed = LanguageShift(self.names, self.means, self.covariance, self.rows)
        fixed.weight.zero_()
        fixed.offset.fill_(-torch.inf)[place] = 0.0
        return fixed


def _shrunk(covariance: Tensor) -> Tensor:
    variance = max(float(covariance.diagonal().mean()), 1e-8)
    return covariance + _SHRINKAGE * variance * torch.eye(len(covariance), dtype=covariance.dtype)
