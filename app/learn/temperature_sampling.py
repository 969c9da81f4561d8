"""How much of each batch comes from each of several sets of rows of unlike size."""

from __future__ import annotations

from collections.abc import Sequence


def temperature_shares(sizes: Sequence[int], temperature: float) -> list[float]:
    """Shares, adding up to 1, in proportion to `sizes` to the power of 1 / `temperature` (>= 1).

    A temperature of 1 draws every row equally often; the higher it is, the more a small set is
    drawn beside a large one, up to equal shares (Arivazhagan et al., 2019, "Massively multilingual
    neural machine translation in the wild").
    """
    powers = [size ** (1.0 / temperature) for size in sizes]
    return [power / sum(powers) for power in powers]
