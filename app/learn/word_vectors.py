"""A model of word vectors as a Network: pooled vectors of a text's words, and a linear head."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from enum import StrEnum

import regex
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.learn.data.examples import Inputs
from app.learn.network import Batch, HeadedNetwork
from app.learn.training.optimiser import ActiveEmbedding

MAX_WORDS = 2048
# Written without spaces between words.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
)
_MAX_WORD_CHARACTERS = 16
_SIF_SMOOTHING = 1e-3
# Zipf's law as Mandelbrot shifted it: the word of rank r is seen in proportion to 1 / (r + 2.7).
_ZIPF_SHIFT = 3.7
# A run of letters, marks and digits, which an apostrophe or a hyphen inside does not end; marks
# belong to the letter before them, as in Devanagari. Python's own `re` does not know that.
_WORD = regex.compile(
    r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['\u2019\u200c\u200d\-·][\p{L}\p{M}\p{N}]+)*"
)


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
        vocabularies: Sequence[WordVocabulary],
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

    def with_vocabulary(self, vocabulary: WordVocabulary, vectors: Tensor) -> WordVectorNetwork:
        """A network that knows one more language, with the same head.

        `vectors`: float32 (words, width), in the space of those that are here. A vocabulary of
        the same language is replaced.
        """
        kept = [one for one in self.vocabularies if one.language != vocabulary.language]
        matrix = torch.cat([*(self.vectors[one.rows] for one in kept), vectors])
        placed: list[WordVocabulary] = []
        for one in [*kept, vocabulary]:
            placed.append(one.at(sum(map(len, placed))))
        network = WordVectorNetwork(matrix, placed, self.pooling)
        network.classifier, network.labels = self.classifier, self.labels
        return network

    def vocabulary_for(self, language: str) -> WordVocabulary:
        """The vocabulary of a language (BCP-47), else the first."""
        named = (one for one in self.vocabularies if one.language == language)
        return next(named, self.vocabularies[0])

    def vocabulary_of(self, text: str) -> WordVocabulary:
        """The vocabulary that knows most of `text`."""
        return self.vocabularies[self._find(text)[0]]

    def _find(self, text: str) -> tuple[int, list[int]]:
        found = [vocabulary.find(text) for vocabulary in self.vocabularies]
        chosen = max(range(len(found)), key=lambda i: (found[i][1], -i))
        return chosen, found[chosen][0][:MAX_WORDS]

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


class WordVocabulary:
    """The words of `language`, the first in row `start` of the matrix, the next in the next.

    Files of word vectors put frequent words first; `rank` is a row counted from `start`.
    """

    def __init__(self, language: str, words: Sequence[str], start: int = 0) -> None:
        self.language = language
        self.words = tuple(words)
        self.start = start
        self._rank: dict[str, int] = {}
        for rank, word in enumerate(self.words):
            self._rank.setdefault(unicodedata.normalize("NFC", word), rank)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def rows(self) -> slice:
        """The rows of the matrix that are this vocabulary's."""
        return slice(self.start, self.start + len(self.words))

    def at(self, start: int) -> WordVocabulary:
        """The same words, in the rows from `start` on."""
        return WordVocabulary(self.language, self.words, start)

    def rank(self, word: str) -> int | None:
        """The rank of `word` as it stands, else in lower case; None for an unknown word."""
        word = unicodedata.normalize("NFC", word)
        found = self._rank.get(word)
        return self._rank.get(word.lower()) if found is None else found

    def find(self, text: str) -> tuple[list[int], int]:
        """The ranks of the words of `text` that are known, and how many letters they cover.

        A run of a script without spaces is cut from the left into the longest words known
        (maximum matching); signs that begin no known word are passed over.
        """
        ranks: list[int] = []
        covered = 0
        for word in words_of(text):
            rank = self.rank(word)
            if rank is not None:
                ranks.append(rank)
                covered += len(word)
            elif _UNSPACED.search(word):
                found, letters = self._cut(word)
                ranks += found
                covered += letters
        return ranks, covered

    def _cut(self, run: str) -> tuple[list[int], int]:
        ranks: list[int] = []
        place = covered = 0
        while place < len(run):
            for end in range(min(len(run), place + _MAX_WORD_CHARACTERS), place, -1):
                rank = self._rank.get(run[place:end])
                if rank is not None:
                    ranks.append(rank)
                    covered += end - place
                    place = end
                    break
            else:
                place += 1
        return ranks, covered


class Pooling(StrEnum):
    """`mean`; or `sif`, where frequent words count less and what all texts share is taken out."""

    MEAN = "mean"
    SIF = "sif"


def word_weights(words: int, pooling: Pooling) -> Tensor:
    """The weight of each word by its rank, float32 (words,).

    `sif`: a / (a + p) with a = 0.001 (Arora et al., 2017, "A simple but tough-to-beat baseline
    for sentence embeddings"). Files of word vectors hold no counts, so p, how often a word is
    seen, follows Zipf's law from its rank.
    """
    if pooling is Pooling.MEAN:
        return torch.ones(words)
    return _SIF_SMOOTHING / (_SIF_SMOOTHING + _frequencies(words))


def common_direction(vectors: Tensor, weights: Tensor) -> Tensor:
    """What every text of a language points to, of length 1: float32 (width,).

    Arora et al. take the first principal direction of the sentences at hand. It is the direction
    of the mean sentence, in all but name, and that is known without any sentence: the expectation
    of a weighted word. So each language has its own, and an answer depends on one text alone.
    """
    frequencies = _frequencies(len(vectors)).to(vectors.device)
    return functional.normalize((frequencies * weights) @ vectors, dim=0)


def _frequencies(words: int) -> Tensor:
    frequencies = 1.0 / (torch.arange(words, dtype=torch.float32) + _ZIPF_SHIFT)
    return frequencies / frequencies.sum()


def words_of(text: str) -> list[str]:
    """The words of `text` in order, in Unicode's normal form C, case kept, punctuation dropped.

    In scripts that are written without spaces (Han, Kana, Thai, Lao, Khmer, Burmese) a "word" is
    here all that stands between two signs of punctuation; `WordVocabulary.find` cuts it further.
    """
    return _WORD.findall(unicodedata.normalize("NFC", text))
