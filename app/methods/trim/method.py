"""`trim`: cuts a model's vocabulary down to the tokens that its languages need."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from torch import nn

from app.domain.errors.methods import TokenizerUnsupported, TooFewRowsKept
from app.learn.callbacks import Monitor, SubProgress
from app.learn.data.examples import texts_of
from app.learn.network import HasTokenVocabulary, TokenVocabulary
from app.methods.contract import MethodInput, MethodOutput
from app.methods.tokenizer_json import Subwords, cut_tokenizer, post_processor_ids, read_subwords
from app.methods.trim.spec import TrimParameters

_MAX_PADDING_ID = 16
_CHUNK = 512
_HELD_OUT = 10  # of so many texts, one
# Of all characters seen, those below this share are no mark of a language.
_RARE_CHARACTER = 1e-5
# How much the likeness of a token counts beside its frequency in all languages; chosen on German
# and English sentences that no figure was taken on.
_LOG_ODDS_WEIGHT = 0.15
_PHASE = "choosing the tokens"
_NGRAM_ORDER = 4
_PRIOR_COUNT = 5.0  # what shorter n-grams say weighs as so many characters
_CHARACTERS = 400
_START, _END = 2, 3


def run(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Keep the embedding rows that the texts need, and a tokenizer that knows no others.

    Abdaoui et al. 2020, "Load What You Need: Smaller Versions of Multilingual BERT". Nothing is
    trained: a text that is cut into kept tokens alone gets the very same vectors.
    """
    network = method_input.network
    if not isinstance(network, HasTokenVocabulary):
        raise TokenizerUnsupported(f"a {type(network).__name__} has none")
    monitor.progress("reading the vocabulary", 0.0)
    before = network.vocabulary()
    description = json.loads(before.tokenizer.to_str())
    subwords = read_subwords(description)
    reading = SubProgress(monitor, 0.0, 0.7)
    usage = read_token_usage(method_input, before.tokenizer, before.prefix, reading)
    fixed = _required_ids(before, description, subwords)

    def choose(held_out: bool | None, part: Monitor) -> KeptTokens:
        counts = [role_usage.counts(len(subwords.names), held_out) for role_usage in usage]
        return choose_tokens(subwords, counts, method_input.parameters, fixed, part)

    without_held_out = choose(False, SubProgress(monitor, 0.7, 0.8))
    choice = choose(None, SubProgress(monitor, 0.8, 0.9))
    monitor.progress("cutting", 0.9)
    tokenizer = cut_tokenizer(description, subwords, choice.kept)
    network.change_vocabulary(tokenizer, before.rows.detach()[choice.kept])
    report = report_sizes(before, network, len(choice.kept)) | {
        "rows_by_reason": choice.reasons,
        "texts": [
            report_coverage(role_usage, choice.kept, without_held_out.kept, len(before.rows))
            for role_usage in usage
        ],
    }
    monitor.progress("cutting", 1.0)
    stopped = f"{len(choice.kept)} of {len(before.rows)} rows were kept; nothing was trained."
    return MethodOutput(network.eval(), [], stopped, report, rebuilt=True)


def _required_ids(
    vocabulary: TokenVocabulary, description: dict[str, Any], subwords: Subwords
) -> set[int]:
    """Ids that the network or the post-processor names, and those before the padding token.

    RoBERTa and its like count positions from the padding token's id, which stands at the front
    there and must stay what it is.
    """
    padding = vocabulary.named.get("pad_token_id", 0)
    before = range(padding) if padding < _MAX_PADDING_ID else range(0)
    named = {*vocabulary.named.values(), *before}
    named |= post_processor_ids(description["post_processor"])
    return {id for id in named if id < len(subwords.names) and subwords.names[id] is not None}


@dataclass(frozen=True)
class TokenUsage:
    """Texts of one role as the tokens that they are cut into.

    `ids`: int64 (tokens,); `texts`: int64 (tokens,), to which text each belongs; `size` of them.
    """

    role: str
    ids: np.ndarray
    texts: np.ndarray
    size: int

    def counts(self, ids: int, held_out: bool | None = None) -> np.ndarray:
        """How often each of `ids` ids is used, int64; by the held-out texts or the others alone."""
        chosen = self.ids
        if held_out is not None:
            chosen = chosen[self._held_out() == held_out]
        return np.bincount(chosen, minlength=ids)

    def coverage(self, kept: np.ndarray) -> dict[str, float | int] | None:
        """Shares of held-out texts that change in nothing and of their tokens that are kept.

        `kept`: bool (ids,). None where there are too few texts to hold any out.
        """
        held = self._held_out()
        there = kept[self.ids[held]]
        # Texts are numbered from 0 and the last of each ten is held out.
        texts = self.size // _HELD_OUT
        if texts == 0 or len(there) == 0:
            return None
        missed = np.bincount(self.texts[held] // _HELD_OUT, weights=~there, minlength=texts)
        return {
            "texts": texts,
            "texts_unchanged": float((missed == 0).mean()),
            "tokens_kept": float(there.mean()),
        }

    def _held_out(self) -> np.ndarray:
        return self.texts % _HELD_OUT == _HELD_OUT - 1


def read_token_usage(
    method_input: MethodInput, tokenizer: Tokenizer, prefix: str, monitor: Monitor
) -> list[TokenUsage]:
    """Tokenize all texts of the transfer, each after `prefix` and without a limit."""
    roles = {
        "unlabelled": method_input.unlabelled,
        "source_unlabelled": method_input.source_unlabelled,
        "source": None if method_input.source is None else method_input.source.inputs,
    }
    found = {role: texts_of(inputs) for role, inputs in roles.items() if inputs is not None}
    text_counts, done, usage = sum(map(len, found.values())), 0, []
    for role, texts in found.items():
        parts: list[list[int]] = []
        for start in range(0, len(texts), _CHUNK):
            chunk = [prefix + text for text in texts[start : start + _CHUNK]]
            parts += [role_usage.ids for role_usage in tokenizer.encode_batch(chunk)]
            done += len(chunk)
            monitor.progress("reading the texts", done / text_counts)
        ids = np.array([id for part in parts for id in part], dtype=np.int64)
        places = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        usage.append(TokenUsage(role, ids, places, len(parts)))
    return usage


@dataclass(frozen=True)
class KeptTokens:
    """The ids that stay, int64 ascending, and how many of them for which reason."""

    kept: np.ndarray
    reasons: dict[str, int]


def choose_tokens(
    subwords: Subwords,
    counts: Sequence[np.ndarray],
    parameters: TrimParameters,
    fixed: set[int],
    monitor: Monitor,
) -> KeptTokens:
    """Choose by `counts`, int64 (ids,) for each role of the texts.

    First what must stay (`fixed`, the tokenizer's own and single characters), then what the texts
    use, by the largest share that a token has in any role, then, where `rows` leaves room, what
    looks like it. Raises `TooFewRowsKept`.
    """
    monitor.progress(_PHASE, 0.0)
    text_counts = np.sum(counts, axis=0)
    used_ids = np.flatnonzero(text_counts >= parameters.min_count).tolist()
    shares = np.max([count / max(count.sum(), 1) for count in counts], axis=0)
    characters = _single_characters(subwords, text_counts, parameters)
    kept = subwords.with_parts(set(subwords.fixed) | fixed)
    reasons = {"special": len(kept)}
    kept |= subwords.with_parts(characters)
    reasons["characters"] = len(kept) - sum(reasons.values())
    limit = parameters.rows if parameters.rows is not None else len(subwords.names)
    if len(kept) > limit:
        raise TooFewRowsKept(limit, len(kept))
    _add_ids(kept, sorted(used_ids, key=lambda id: -shares[id]), subwords, limit)
    reasons["used"] = len(kept) - sum(reasons.values())
    if parameters.rows is not None and len(kept) < limit:
        _add_ids(kept, _similar_tokens(subwords, text_counts, monitor), subwords, limit)
    reasons["alike"] = len(kept) - sum(reasons.values())
    return KeptTokens(np.array(sorted(kept), dtype=np.int64), reasons)


def _add_ids(kept: set[int], ids: Iterable[int], subwords: Subwords, limit: int) -> None:
    """Add ids in their order, each with its parts, while there is room."""
    for id in ids:
        added = subwords.with_parts({id}) - kept if subwords.parts else {id} - kept
        if len(kept) + len(added) <= limit:
            kept |= added


def _single_characters(
    subwords: Subwords, text_counts: np.ndarray, parameters: TrimParameters
) -> set[int]:
    """Tokens of one character: no letter, a letter of a script that is used, or asked for.

    A word's inside and its end have tokens of their own in some kinds (`##a`, `a</w>`).
    """
    if not subwords.is_character_level:
        return set()
    scripts: Counter[str] = Counter()
    for id in np.flatnonzero(text_counts):
        for character in subwords.names[id] or "":
            if script := _script(character):
                scripts[script] += int(text_counts[id])
    enough = parameters.script_share * sum(scripts.values())
    used = {script for script, count in scripts.items() if count >= enough}
    return {
        id
        for id, name in enumerate(subwords.names)
        if (character := _single(name))
        and (
            (script := _script(character)) is None
            or script in used
            or character in parameters.characters
        )
    }


def _single(name: str | None) -> str:
    bare = (name or "").removeprefix("##").removesuffix("</w>")
    return bare if len(bare) == 1 else (name or "") if len(name or "") == 1 else ""


@cache
def _script(character: str) -> str | None:
    """The first word of a letter's Unicode name; None for anything that is no letter."""
    if not character.isalpha():
        return None
    return unicodedata.name(character, "UNNAMED").split(" ", 1)[0]


def _similar_tokens(subwords: Subwords, text_counts: np.ndarray, monitor: Monitor) -> list[int]:
    """Ids written in the texts' characters alone, the likeliest to be used by such texts first."""
    characters: Counter[str] = Counter()
    for id in np.flatnonzero(text_counts):
        characters.update(dict.fromkeys(subwords.names[id] or "", int(text_counts[id])))
    enough = _RARE_CHARACTER * sum(characters.values())
    alphabet = {character for character, count in characters.items() if count >= enough}
    tick = lambda: monitor.progress(_PHASE, 0.5)  # noqa: E731
    tick()
    ids = [id for id, name in enumerate(subwords.names) if name and alphabet.issuperset(name)]
    if not ids:
        return []
    vocabulary_counts = np.exp(subwords.log_shares[ids])
    # On one scale, so that both models trust their counts alike.
    vocabulary_counts *= text_counts[ids].sum() / vocabulary_counts.sum()
    names = [subwords.names[id] or "" for id in ids]
    odds = character_log_odds(names, text_counts[ids].astype(np.float64), vocabulary_counts, tick)
    score = subwords.log_shares[ids] + _LOG_ODDS_WEIGHT * odds
    return [ids[place] for place in np.argsort(-score, kind="stable")]


def character_log_odds(
    names: Sequence[str],
    text_counts: np.ndarray,
    vocabulary_counts: np.ndarray,
    tick: Callable[[], None],
) -> np.ndarray:
    """The log odds of each name's characters, float64 (names,): in the texts, and in general.

    Both counts are weights (names,), of the names in some texts and in the vocabulary as a whole.
    They give two character models of n-grams up to 4, each interpolated with the next shorter one;
    the difference of their log probabilities is the criterion by which Moore and Lewis (2010,
    "Intelligent Selection of Language Model Training Data") choose sentences of a domain. `tick`
    is called between the steps.
    """
    characters, owner, inside = _concatenate(names)
    odds = np.zeros(len(characters))
    for weights, sign in ((text_counts, 1.0), (vocabulary_counts, -1.0)):
        odds += sign * np.log(_probabilities(characters, weights[owner] * inside, tick))
    return np.bincount(owner, weights=odds * inside, minlength=len(names))


def _concatenate(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All names in a row, each after start marks and before an end mark.

    The characters as uint64 (places,), the name that each place belongs to, and whether it is
    to be foretold (1.0) or a start mark (0.0).
    """
    before, after = chr(_START) * (_NGRAM_ORDER - 1), chr(_END)
    text = "".join(before + name + after for name in names)
    sizes = np.array([len(name) + _NGRAM_ORDER for name in names])
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owner = np.repeat(np.arange(len(names)), sizes)
    inside = (characters != _START).astype(np.float64)
    return characters.astype(np.uint64), owner, inside


def _probabilities(
    characters: np.ndarray, weights: np.ndarray, tick: Callable[[], None]
) -> np.ndarray:
    """Of each place's character after those before it, counted with `weights` (places,)."""
    found = np.full(len(characters), 1.0 / _CHARACTERS)
    history = np.zeros(len(characters), dtype=np.uint64)
    for length in range(_NGRAM_ORDER):
        tick()
        if length:
            earlier = np.roll(characters, length)
            history = history * np.uint64(1_000_003) + earlier + np.uint64(1)
        gram = history * np.uint64(0x9E3779B97F4A7C15) + characters
        found = (_total_by_key(gram, weights) + _PRIOR_COUNT * found) / (
            _total_by_key(history, weights) + _PRIOR_COUNT
        )
    return found


def _total_by_key(keys: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The summed weight of all places with the same key, for each place."""
    _, place = np.unique(keys, return_inverse=True)
    return np.bincount(place, weights=weights)[place]


def report_sizes(before: TokenVocabulary, network: nn.Module, rows: int) -> dict[str, Any]:
    """Rows, parameters and bytes of weights before and after; `network` is the cut one."""
    after = sum(parameter.numel() for parameter in network.parameters())
    parameters = after + (len(before.rows) - rows) * before.rows.shape[1]
    size = before.number_bytes
    return {
        "rows": {"before": len(before.rows), "after": rows},
        "parameters": {"before": parameters, "after": after},
        "bytes": {"before": parameters * size, "after": after * size},
    }


def report_coverage(
    usage: TokenUsage, kept: np.ndarray, without_held_out: np.ndarray, size: int
) -> dict[str, Any]:
    """What the texts of one role use, and how well a choice covers texts it did not see.

    `kept` and `without_held_out` are int (k,) of `size` ids: those chosen at last, and those chosen
    without the held-out texts, by which the coverage is measured.
    """
    counts = usage.counts(size)
    covered = np.zeros(size, dtype=bool)
    covered[without_held_out] = True
    return {
        "role": usage.role,
        "texts": usage.size,
        "tokens_used": int((counts > 0).sum()),
        "share_of_kept": float((counts[kept] > 0).mean()),
        "tokens_kept": float(counts[kept].sum() / max(counts.sum(), 1)),
        "held_out": usage.coverage(covered),
    }
