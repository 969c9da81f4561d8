"""The work of `trim`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from app.domain.errors.vocabularies import TokenizerUnsupported
from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.learn.vocabulary import ReadsTokens, Vocabulary
from app.methods.contract import MethodInput, MethodOutput
from app.methods.trim.choose import Choice, choose
from app.methods.trim.cut import cut_tokenizer, post_processor_ids
from app.methods.trim.evidence import Evidence, read_evidence
from app.methods.trim.pieces import read_pieces

_FRONT = 16


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Keep the embedding rows that the texts need, and a tokenizer that knows no others.

    Abdaoui et al. 2020, "Load What You Need: Smaller Versions of Multilingual BERT". Nothing is
    trained: a text that is cut into kept pieces alone gets the very same vectors.
    """
    network = given.network
    if not isinstance(network, ReadsTokens):
        raise TokenizerUnsupported(f"a {type(network).__name__} has none")
    monitor.progress("reading the vocabulary", 0.0)
    vocabulary = network.vocabulary()
    description = json.loads(vocabulary.tokenizer.to_str())
    pieces = read_pieces(description)
    reading = Portion(monitor, 0.0, 0.7)
    evidence = read_evidence(given, vocabulary.tokenizer, vocabulary.prefix, reading)
    fixed = _known_to_the_network(vocabulary) | post_processor_ids(description["post_processor"])
    fixed = {id for id in fixed if id < len(pieces.names) and pieces.names[id] is not None}

    def chosen(held_out: bool | None, done: float) -> Choice:
        counts = [one.counts(len(pieces.names), held_out) for one in evidence]
        tick = lambda: monitor.progress("choosing the pieces", done)  # noqa: E731
        tick()
        return choose(pieces, counts, given.parameters, fixed, tick)

    without_held_out, choice = chosen(False, 0.7), chosen(None, 0.8)
    monitor.progress("cutting", 0.9)
    before = sum(parameter.numel() for parameter in network.parameters())
    tokenizer = cut_tokenizer(description, pieces, choice.kept)
    network.change_vocabulary(tokenizer, vocabulary.rows[choice.kept])
    after = sum(parameter.numel() for parameter in network.parameters())
    report = {
        "rows": {"before": len(vocabulary.rows), "after": len(choice.kept)},
        "parameters": {"before": before, "after": after},
        "bytes": {
            "before": before * vocabulary.number_bytes,
            "after": after * vocabulary.number_bytes,
        },
        "rows_by_reason": choice.reasons,
        "texts": [
            _account(one, choice.kept, without_held_out.kept, vocabulary) for one in evidence
        ],
    }
    monitor.progress("done", 1.0)
    why = f"{len(choice.kept)} of {len(vocabulary.rows)} rows were kept; nothing was trained."
    return MethodOutput(network.eval(), [], why, report, rebuilt=True)


def _known_to_the_network(vocabulary: Vocabulary) -> set[int]:
    """Ids that the network names, and those before a padding token that stands at the front.

    RoBERTa and its like count positions from the padding token's id, which must stay.
    """
    padding = vocabulary.named.get("pad_token_id", 0)
    before = range(padding) if padding < _FRONT else ()
    return {*vocabulary.named.values(), *before}


def _account(
    evidence: Evidence, kept: np.ndarray, earlier: np.ndarray, vocabulary: Vocabulary
) -> dict[str, Any]:
    """What the texts of one role speak for, and how well the choice covers unseen ones."""
    size = len(vocabulary.rows)
    counts = evidence.counts(size)
    stays = np.zeros(size, dtype=bool)
    stays[kept] = True
    stayed = np.zeros(size, dtype=bool)
    stayed[earlier] = True
    return {
        "role": evidence.role,
        "texts": evidence.size,
        "pieces_used": int((counts > 0).sum()),
        "share_of_kept": float((counts[kept] > 0).mean()),
        "tokens_kept": float(counts[kept].sum() / max(counts.sum(), 1)),
        # The pieces were chosen without these texts, and afterwards once more with them.
        "held_out": evidence.coverage(stayed),
    }
