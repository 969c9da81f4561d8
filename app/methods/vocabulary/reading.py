"""What this method needs of a network."""

from __future__ import annotations

from app.domain.errors.vocabularies import TokenizerUnsupported
from app.learn.network import Network
from app.learn.vocabulary import ReadsTokens


def reader(network: Network) -> ReadsTokens:
    """The network as one whose vocabulary can be changed; raises `TokenizerUnsupported`."""
    if not isinstance(network, ReadsTokens):
        raise TokenizerUnsupported(f"a {type(network).__name__} has none")
    return network
