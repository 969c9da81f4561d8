"""A model of word vectors as a Network: pooled vectors of a text's words, and a linear head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from app.learn.active_embedding import ActiveEmbedding
from app.learn.examples import Inputs
from app.learn.headed_network import HeadedNetwork
from app.learn.network import Batch
from app.learn.word_vectors.pooling import Pooling, common_direction, word_weights
from app.learn.word_vectors.vocabulary import Vocabulary

MOST_WORDS = 2048


class WordVectorNetwork(HeadedNetwork):
    """Texts as the weighted mean of their words' vectors; features are float (n, width).

    `vectors`: float32 (rows, width), all vocabularies one after the other. The words of a text
    are looked up in one vocabulary, the one that knows most letters of it (the first where
    several know as many), so that a word that stands in several never mixes their vectors.
    `common`: float32 (vocabularies, width), what `sif` takes out; derived where it is not given.
    """

    common: Tensor

    def __init__(
        self,
        vectors: Tensor,
        vocabularies: Sequence[Vocabulary],
        pooling: Pooling,
        labels: tuple[str, ...] = (),
        common: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(vectors, freeze=False)
        self.vocabularies = tuple(vocabularies)
        self.pooling = pooling
        self.labels = ()
        self.classifier: nn.Linear | None = None
        self._weights = [word_weights(len(one), pooling) for one in self.vocabularies]
        self.register_buffer("common", self._common() if common is None else common)
        if labels:
            self.add_head(labels)
        self.eval()

    @property
    def width(self) -> int:
        """Numbers per word."""
        return int(self.embedding.weight.shape[1])

    @property
    def vectors(self) -> Tensor:
        """Every word's vector, float32 (rows, width), detached."""
        return self.embedding.weight.detach()

    def collate(self, inputs: Inputs) -> Batch:
        """Rows of the words (int64), their weights (float32), both (n, longest); vocabularies."""
        found = [self._find(str(text)) for text in inputs]
        longest = max([1, *(len(ranks) for _, ranks in found)])
        rows = torch.zeros(len(found), longest, dtype=torch.int64)
        weights = torch.zeros(len(found), longest)
        for place, (chosen, ranks) in enumerate(found):
            known = torch.tensor(ranks, dtype=torch.int64)
            rows[place, : len(ranks)] = known + self.vocabularies[chosen].start
            weights[place, : len(ranks)] = self._weights[chosen][known] / max(1, len(ranks))
        vocabularies = torch.tensor([chosen for chosen, _ in found], dtype=torch.int64)
        return {"rows": rows, "weights": weights, "vocabularies": vocabularies}

    def lengths(self, inputs: Inputs) -> list[int]:
        """Known words of each text, 1 at least."""
        return [max(1, len(self._find(str(text))[1])) for text in inputs]

    def features(self, batch: Batch) -> Tensor:
        """Text vectors float32 (n, width); zeros for a text without a known word."""
        words = self.embedding(batch["rows"])
        pooled = (words * batch["weights"].unsqueeze(-1)).sum(dim=1)
        if self.pooling is Pooling.MEAN:
            return pooled
        common = self.common[batch["vocabularies"]]
        return pooled - (pooled * common).sum(dim=1, keepdim=True) * common

    @torch.no_grad()
    def reset(self) -> None:
        """Draw vectors and head anew."""
        self.embedding.weight.normal_(std=self.width**-0.5)
        self.common.copy_(self._common())
        if self.classifier is not None:
            self.classifier.reset_parameters()

    def prepare_training(self, inputs: Inputs) -> None:
        """Train only the vectors of words that `inputs` hold."""
        batch = self.collate(inputs)
        rows = torch.unique(batch["rows"][batch["weights"] > 0])
        if 2 * len(rows) < len(self.embedding.weight):
            self.embedding = ActiveEmbedding(self.embedding, rows)

    def finish_training(self) -> None:
        """Put the trained vectors back among the others."""
        if isinstance(self.embedding, ActiveEmbedding):
            self.embedding = self.embedding.finish()

    def with_vocabulary(self, vocabulary: Vocabulary, vectors: Tensor) -> WordVectorNetwork:
        """A network that knows one more language, with the same head.

        `vectors`: float32 (words, width), in the space of those that are here. A vocabulary of
        the same language is replaced.
        """
        kept = [one for one in self.vocabularies if one.language != vocabulary.language]
        matrix = torch.cat([*(self.vectors[one.rows] for one in kept), vectors])
        placed: list[Vocabulary] = []
        for one in [*kept, vocabulary]:
            placed.append(one.at(sum(map(len, placed))))
        network = WordVectorNetwork(matrix, placed, self.pooling)
        network.classifier, network.labels = self.classifier, self.labels
        return network

    def vocabulary_for(self, language: str) -> Vocabulary:
        """The vocabulary of a language (BCP-47), else the first."""
        named = (one for one in self.vocabularies if one.language == language)
        return next(named, self.vocabularies[0])

    def vocabulary_of(self, text: str) -> Vocabulary:
        """The vocabulary that knows most of `text`."""
        return self.vocabularies[self._find(text)[0]]

    def _find(self, text: str) -> tuple[int, list[int]]:
        found = [vocabulary.find(text) for vocabulary in self.vocabularies]
        chosen = max(range(len(found)), key=lambda i: (found[i][1], -i))
        return chosen, found[chosen][0][:MOST_WORDS]

    @torch.no_grad()
    def _common(self) -> Tensor:
        if self.pooling is Pooling.MEAN:
            return torch.zeros(len(self.vocabularies), self.width)
        vectors = self.embedding.weight
        return torch.stack(
            [
                common_direction(vectors[one.rows], weights.to(vectors.device))
                for one, weights in zip(self.vocabularies, self._weights, strict=True)
            ]
        )
