"""What a network must offer so that its head can be put behind another encoder."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from app.learn.bridge import Bridge

if TYPE_CHECKING:
    from app.learn.network import Network


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
    def behind(self, encoder: Network, bridge: Bridge) -> Network:
        """A network of `encoder`'s body, then `bridge`, then this network's head as it is.

        A network without a head gives a plain encoder. Raises CompanionNoEncoder.
        """
