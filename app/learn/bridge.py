"""The bridge from one encoder's sentence vectors into the space that a head reads."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from app.learn.language_shift import LanguageShift


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
        """Those whose vectors are told apart, the source language first."""
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
