"""The bridge from one encoder's sentence vectors into the space that a head reads."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from app.learn.network import Network

# Of the mean variance, so much is added to the variance in every direction.
_SHRINKAGE = 0.03


class Bridge(nn.Module):
    """Shifts each vector by its language, maps it linearly, and scales it to length 1.

    Each step may be missing: `shift` and `linear` are then None. `linear` maps float (n, in) to
    (n, out).
    """

    def __init__(
        self,
        linear: nn.Linear | None = None,
        shift: LanguageShift | None = None,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.linear = linear
        self.shift = shift
        self.normalize = normalize

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that the shift distinguishes, the source language first."""
        return () if self.shift is None else self.shift.names

    def settings(self) -> str:
        """What it does besides its tensors."""
        return f"bridge {self.languages} {self.normalize}"

    def forward(self, vectors: Tensor) -> Tensor:
        """Float32 (n, out) for float (n, in)."""
        vectors = vectors.float() if self.shift is None else self.shift(vectors)
        if self.linear is not None:
            vectors = self.linear(vectors).float()
        return functional.normalize(vectors, dim=-1) if self.normalize else vectors

    def reset(self) -> None:
        """Draw the map anew and forget the languages, whose means were another encoder's."""
        self.shift = None
        if self.linear is not None:
            self.linear.reset_parameters()


class LanguageShift(nn.Module):
    """Adds (first mean - own mean) to each vector, by the language that it is taken for.

    The languages of a multilingual encoder differ by little more than such an offset (Libovický
    et al., 2020). `means` float32 (languages, width) are theirs, the source language's first, so
    that its vectors are not moved at all. The language of a vector is found by linear
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
            made = made.with_language(name, more)
        return made

    def with_language(
        self, name: str, vectors: Tensor, label_offset: Tensor | None = None
    ) -> LanguageShift:
        """The same with one language more, or with new vectors for one there is, but the first.

        `label_offset` (width,) is what label shares unlike the first language's add to the mean of
        `vectors`; the language's mean is without it.
        """
        middle = vectors.double().mean(dim=0)
        mean = middle if label_offset is None else middle - label_offset.double()
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

    def fixed_to(self, name: str) -> LanguageShift:
        """One that takes every vector to be of `name`, one of `names`."""
        place = self.names.index(name)
        fixed = LanguageShift(self.names, self.means, self.covariance, self.rows)
        fixed.weight.zero_()
        fixed.offset.fill_(-torch.inf)[place] = 0.0
        return fixed


def _shrunk(covariance: Tensor) -> Tensor:
    variance = max(float(covariance.diagonal().mean()), 1e-8)
    return covariance + _SHRINKAGE * variance * torch.eye(len(covariance), dtype=covariance.dtype)


class Bridgeable(abc.ABC):
    """A base beside Network: `bridge` is what its vectors pass before the head, None for nothing.

    Features are float (n, width).
    """

    bridge: Bridge | None

    @property
    @abc.abstractmethod
    def unit_features(self) -> bool:
        """Whether what the head reads has length 1."""

    @abc.abstractmethod
    def with_encoder(self, encoder: Network, bridge: Bridge) -> Network:
        """A network of `encoder`'s body, then `bridge`, then this network's head as it is.

        A network without a head gives a plain encoder. Raises AuxiliaryModelNotEncoder.
        """
