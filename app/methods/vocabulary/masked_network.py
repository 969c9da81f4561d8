"""A network with a head that guesses masked tokens, and texts for it to guess in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from app.learn.batches import Stream, batches
from app.learn.devices import autocast
from app.learn.examples import NO_WORD
from app.learn.network import Batch, Network, move
from app.learn.objectives.contract import Objective
from app.learn.objectives.tagging import Tagging
from app.learn.vocabulary import ReadsTokens


class MaskedNetwork(nn.Module):
    """`network` and a word head whose weights are the word embedding's own rows.

    A dense layer, GELU and LayerNorm before it, as in BERT (Devlin et al., 2019), with a bias for
    each token; fresh, since encoders and classifiers come without. The dense layer starts as the
    identity where the widths agree.
    """

    def __init__(self, network: Network, embedding: nn.Parameter) -> None:
        super().__init__()
        self.network = network
        self.embedding = embedding
        hidden = _hidden(network)
        self.dense = nn.Linear(hidden, embedding.shape[1])
        if hidden == embedding.shape[1]:
            nn.init.eye_(self.dense.weight)
        self.norm = nn.LayerNorm(embedding.shape[1])
        self.bias = nn.Parameter(torch.zeros(len(embedding)))

    def forward(self, batch: Batch, places: Tensor) -> Tensor:
        """Logits float32 (n, k, tokens) at `places` int64 (n, k) of each text."""
        states = cast(ReadsTokens, self.network).token_states(batch)
        chosen = states.gather(1, places.unsqueeze(-1).expand(-1, -1, states.shape[-1]))
        guess = self.norm(nn.functional.gelu(self.dense(chosen)))
        logits: Tensor = guess @ self.embedding.T + self.bias
        return logits.float()


@dataclass(frozen=True)
class Hidden:
    """The id of the mask, the ids that it never stands for, and the share of tokens hidden."""

    mask: int
    never: set[int]
    share: float


class MaskedTexts:
    """A Material: texts with some tokens hidden, several times over with others hidden.

    Row i is text i modulo the number of texts. Of the chosen tokens four fifths become the mask,
    a tenth any token and a tenth stays (Devlin et al., 2019). `targets`: int64 (rows, most masks
    of a text), `NO_WORD` behind the last.
    """

    def __init__(
        self,
        masked: MaskedNetwork,
        texts: list[str],
        hidden: Hidden,
        copies: int,
        rng: np.random.Generator,
    ) -> None:
        self.objective: Objective = Tagging(())
        self._masked = masked
        self._texts = texts
        self._device = masked.bias.device
        self.lengths = np.tile(np.asarray(masked.network.lengths(texts)), copies)
        drawn = [
            _draw(ids, hidden, len(masked.bias), rng)
            for _ in range(copies)
            for ids in _token_ids(masked.network, texts)
        ]
        most = max(1, max(len(places) for _, places, _ in drawn))
        self._shown = [shown for shown, _, _ in drawn]
        self._places = torch.zeros(len(drawn), most, dtype=torch.int64)
        targets = torch.full((len(drawn), most), NO_WORD, dtype=torch.int64)
        for row, (_, places, truth) in enumerate(drawn):
            self._places[row, : len(places)] = torch.from_numpy(places)
            targets[row, : len(truth)] = torch.from_numpy(truth)
        self.targets = targets.to(self._device)

    def order(self, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Endless batches of `size` rows (int): each text once an epoch, hidden otherwise in the
        next, and never twice in a batch.
        """
        texts, copies = len(self._texts), len(self.lengths) // len(self._texts)
        seen = np.zeros(texts, dtype=np.int64)
        for batch in batches([Stream(np.arange(texts))], self.lengths[:texts], size, rng):
            yield batch + texts * (seen[batch] % copies)
            seen[batch] += 1

    def logits(self, positions: np.ndarray) -> Tensor:
        """Float32 (k, masks, tokens); places behind a text's last mask count for nothing."""
        batch = self._masked.network.collate([self._texts[i % len(self._texts)] for i in positions])
        for row, position in enumerate(positions):
            shown = self._shown[position]
            there = batch["attention_mask"][row].bool()
            batch["input_ids"][row, there] = torch.from_numpy(shown)
        places = self._places[torch.from_numpy(positions)]
        with autocast(self._device):
            logits: Tensor = self._masked(move(batch, self._device), places.to(self._device))
        return logits


def _token_ids(network: Network, texts: list[str]) -> list[np.ndarray]:
    """The ids of each text as the network reads it, cut at its limit, without padding."""
    found = []
    for start in range(0, len(texts), 256):
        batch = network.collate(texts[start : start + 256])
        for ids, there in zip(batch["input_ids"], batch["attention_mask"], strict=True):
            found.append(ids[there.bool()].numpy())
    return found


def _draw(
    ids: np.ndarray, hidden: Hidden, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is shown of a text, the places that were chosen, and what stood there."""
    open_places = np.flatnonzero(~np.isin(ids, list(hidden.never)))
    count = min(len(open_places), max(1, round(hidden.share * len(open_places))))
    places = np.sort(rng.choice(open_places, count, replace=False))
    fate = rng.random(count)
    shown = ids.copy()
    shown[places[fate < 0.8]] = hidden.mask
    anything = places[fate >= 0.9]
    shown[anything] = rng.integers(0, size, len(anything))
    return shown, places, ids[places]


@torch.no_grad()
def _hidden(network: Network) -> int:
    states = cast(ReadsTokens, network).token_states(network.collate(["one"]))
    return int(states.shape[-1])
