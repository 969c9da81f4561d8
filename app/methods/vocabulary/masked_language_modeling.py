"""Masked-language training on target texts: the rows first, then every parameter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from app.domain.errors.methods import TokenizerUnsupported
from app.learn.callbacks import Checkpoints, Monitor, PrefixedCheckpoints, SubProgress
from app.learn.data.batch_sampler import Stream, sample_batches
from app.learn.data.examples import NO_WORD
from app.learn.devices import autocast, best_device
from app.learn.network import Batch, HasTokenVocabulary, Network, move_batch
from app.learn.tasks.contract import Objective
from app.learn.tasks.tagging import Tagging
from app.learn.training.checkpointing import StageState
from app.learn.training.recipe import Optimiser, Stage
from app.learn.training.rows import StageRows
from app.learn.training.trainer import train_stage
from app.methods.vocabulary.spec import VocabularyParameters
from app.methods.vocabulary.tokenizer import mask_token_id

_COPIES = 4  # of each text, masked otherwise in each
_HELD_OUT = 20  # of so many texts, one
_MAX_HELD_OUT = 200
_CHECKS = 20  # in each stage


@dataclass(frozen=True)
class MaskedInput:
    """A network with its embedding, the texts, and the special ids, which are never masked."""

    network: Network
    embedding: nn.Parameter
    texts: list[str]
    tokenizer: Tokenizer
    special_ids: set[int]


@dataclass(frozen=True)
class MaskedTrainingResult:
    """The history, why each stage ended, and the loss of held-out texts before and after each."""

    history: list[dict[str, Any]]
    stop_reasons: list[str]
    losses: dict[str, float]


def train_masked(
    masked_input: MaskedInput,
    parameters: VocabularyParameters,
    generator: torch.Generator,
    monitor: Monitor,
    checkpoints: Checkpoints,
) -> MaskedTrainingResult:
    """Train in place; the network ends on the CPU in eval mode.

    With the body frozen first, new rows find their places before they can tear at it (de Vries
    and Nissim 2021, "As Good as New"). One text in 20 is held out to tell the loss.
    """
    seed = int(torch.randint(2**31, (1,), generator=generator))
    masked = MaskedNetwork(masked_input.network, masked_input.embedding).to(best_device())
    train, held_out = _split_texts(masked, masked_input, parameters, np.random.default_rng(seed))
    result = MaskedTrainingResult(
        [], [], {} if held_out is None else {"before": _masked_loss(masked, held_out)}
    )
    plan = [stage for stage in _stages(parameters) if stage.steps]
    for number, stage in enumerate(plan):
        _set_trainable(masked, stage)
        part = SubProgress(monitor, number / len(plan), (number + 1) / len(plan))
        # Its own draws, so that a stage which need not be gone through again shifts no other.
        rng = np.random.default_rng((seed, number))
        rows = StageRows(train, train.order(stage.batch_size, rng))
        within = PrefixedCheckpoints(checkpoints, f"masked-{stage.name}")
        state = StageState(within, masked, stage, generator)
        masked.train()
        history, stop_reason = train_stage(masked, stage, rows, part, state)
        result.history.extend(history)
        result.stop_reasons.append(stop_reason)
        if held_out is not None:
            result.losses[stage.name] = _masked_loss(masked, held_out)
    masked_input.network.requires_grad_(True).cpu().eval()
    return result


def _split_texts(
    masked: MaskedNetwork,
    masked_input: MaskedInput,
    parameters: VocabularyParameters,
    rng: np.random.Generator,
) -> tuple[MaskedTexts, MaskedTexts | None]:
    """Texts to train on, and some to tell the loss of; None where there are too few."""
    mask = mask_token_id(masked_input.tokenizer)
    if mask is None:
        raise TokenizerUnsupported("it has neither a mask nor an unknown token")
    masking = Masking(mask, masked_input.special_ids, parameters.mask_share)
    order = [masked_input.texts[i] for i in rng.permutation(len(masked_input.texts))]
    held_out_count = min(_MAX_HELD_OUT, len(order) // _HELD_OUT)
    held_out = (
        MaskedTexts(masked, order[:held_out_count], masking, 1, rng) if held_out_count else None
    )
    return MaskedTexts(masked, order[held_out_count:], masking, _COPIES, rng), held_out


def _stages(parameters: VocabularyParameters) -> list[Stage]:
    plan = (
        ("rows", parameters.rows_steps, parameters.rows_learning_rate),
        ("all", parameters.all_steps, parameters.learning_rate),
    )
    return [
        Stage(
            name="rows" if name == "rows" else "all",
            steps=steps,
            check_every=max(1, steps // _CHECKS),
            batch_size=parameters.batch_size,
            learning_rate=rate,
            weight_decay=0.01,
            warm_up=0.1,
            clip=1.0,
            patience=1,
            optimiser=Optimiser.ADAMW,
            class_weights=False,
            augment=False,
        )
        for name, steps, rate in plan
    ]


def _set_trainable(masked: MaskedNetwork, stage: Stage) -> None:
    """Which parameters learn; the network's own head is none of this training's."""
    masked.requires_grad_(True)
    if stage.name == "rows":
        masked.network.requires_grad_(False)
        masked.embedding.requires_grad_(True)
    for parameter in masked.network.head_parameters():
        parameter.requires_grad_(False)


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
        hidden = _hidden_size(network)
        self.dense = nn.Linear(hidden, embedding.shape[1])
        if hidden == embedding.shape[1]:
            nn.init.eye_(self.dense.weight)
        self.norm = nn.LayerNorm(embedding.shape[1])
        self.bias = nn.Parameter(torch.zeros(len(embedding)))

    def forward(self, batch: Batch, places: Tensor) -> Tensor:
        """Logits float32 (n, k, tokens) at `places` int64 (n, k) of each text."""
        states = cast(HasTokenVocabulary, self.network).token_states(batch)
        chosen = states.gather(1, places.unsqueeze(-1).expand(-1, -1, states.shape[-1]))
        guess = self.norm(nn.functional.gelu(self.dense(chosen)))
        logits: Tensor = guess @ self.embedding.T + self.bias
        return logits.float()


class MaskedTexts:
    """LogitRows: texts with some tokens masked, several times over with other tokens masked.

    Row i is text i modulo the number of texts. Of the chosen tokens four fifths become the mask,
    a tenth any token and a tenth stays (Devlin et al., 2019). `targets`: int64 (rows, most masks
    of a text), `NO_WORD` behind the last.
    """

    def __init__(
        self,
        masked: MaskedNetwork,
        texts: list[str],
        masking: Masking,
        copies: int,
        rng: np.random.Generator,
    ) -> None:
        self.objective: Objective = Tagging(())
        self._masked = masked
        self._texts = texts
        self._device = masked.bias.device
        self.lengths = np.tile(np.asarray(masked.network.lengths(texts)), copies)
        drawn = [
            _mask_tokens(ids, masking, len(masked.bias), rng)
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
        """Endless batches of `size` rows (int); no text is twice in a batch.

        Each text comes once an epoch, and is masked otherwise in the next.
        """
        texts, copies = len(self._texts), len(self.lengths) // len(self._texts)
        times_drawn = np.zeros(texts, dtype=np.int64)
        for batch in sample_batches([Stream(np.arange(texts))], self.lengths[:texts], size, rng):
            yield batch + texts * (times_drawn[batch] % copies)
            times_drawn[batch] += 1

    def logits(self, positions: np.ndarray) -> Tensor:
        """Float32 (k, masks, tokens); places behind a text's last mask count for nothing."""
        batch = self._masked.network.collate([self._texts[i % len(self._texts)] for i in positions])
        for row, position in enumerate(positions):
            shown = self._shown[position]
            there = batch["attention_mask"][row].bool()
            batch["input_ids"][row, there] = torch.from_numpy(shown)
        places = self._places[torch.from_numpy(positions)]
        with autocast(self._device):
            logits: Tensor = self._masked(move_batch(batch, self._device), places.to(self._device))
        return logits


@torch.no_grad()
def _masked_loss(masked: MaskedNetwork, rows: MaskedTexts) -> float:
    """The mean cross-entropy of a masked token, in nats."""
    masked.eval()
    total, count = 0.0, 0
    for start in range(0, len(rows.lengths), 32):
        chosen = np.arange(start, min(start + 32, len(rows.lengths)))
        targets = rows.targets[torch.from_numpy(chosen).to(rows.targets.device)]
        there = int((targets >= 0).sum())
        total += float(rows.objective.loss(rows.logits(chosen), targets)) * there
        count += there
    return total / max(count, 1)


@dataclass(frozen=True)
class Masking:
    """The mask's id, the ids that are never masked, and the share of tokens to mask."""

    mask: int
    special_ids: set[int]
    share: float


def _token_ids(network: Network, texts: list[str]) -> list[np.ndarray]:
    """The ids of each text as the network reads it, cut at its limit, without padding."""
    found = []
    for start in range(0, len(texts), 256):
        batch = network.collate(texts[start : start + 256])
        for ids, there in zip(batch["input_ids"], batch["attention_mask"], strict=True):
            found.append(ids[there.bool()].numpy())
    return found


def _mask_tokens(
    ids: np.ndarray, masking: Masking, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is shown of a text, the places that were chosen, and what stood there."""
    open_places = np.flatnonzero(~np.isin(ids, list(masking.special_ids)))
    count = min(len(open_places), max(1, round(masking.share * len(open_places))))
    places = np.sort(rng.choice(open_places, count, replace=False))
    fate = rng.random(count)
    shown = ids.copy()
    shown[places[fate < 0.8]] = masking.mask
    anything = places[fate >= 0.9]
    shown[anything] = rng.integers(0, size, len(anything))
    return shown, places, ids[places]


@torch.no_grad()
def _hidden_size(network: Network) -> int:
    states = cast(HasTokenVocabulary, network).token_states(network.collate(["one"]))
    return int(states.shape[-1])
