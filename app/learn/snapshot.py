"""A copy of a network's parameters, to come back to."""

from __future__ import annotations

import torch

from app.learn.network import Network


class Snapshot:
    """The parameters and buffers as they are now; with `head_only` those of the head alone."""

    def __init__(self, network: Network, head_only: bool = False) -> None:
        head = {id(p) for p in network.head_parameters()}
        self._kept = {
            name: tensor.detach().clone()
            for name, tensor in network.state_dict(keep_vars=True).items()
            if not head_only or id(tensor) in head
        }

    @torch.no_grad()
    def restore(self, network: Network) -> None:
        """Put them back, wherever the network is by now."""
        network.load_state_dict(self._kept, strict=False)
