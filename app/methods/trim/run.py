"""The work of `trim`."""

from __future__ import annotations

import json
from typing import Any

from app.domain.errors.vocabularies import TokenizerUnsupported
from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.learn.vocabulary import ReadsTokens, Vocabulary
from app.methods.contract import MethodInput, MethodOutput
from app.methods.tokenizer_description import post_processor_ids
from app.methods.trim.choose import Choice, choose
from app.methods.trim.cut import cut_tokenizer
from app.methods.trim.evidence import read_evidence
from app.methods.trim.pieces import Pieces, read_pieces
from app.methods.trim.report import account, sizes

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
    before = network.vocabulary()
    description = json.loads(before.tokenizer.to_str())
    pieces = read_pieces(description)
    reading = Portion(monitor, 0.0, 0.7)
    evidence = read_evidence(given, before.tokenizer, before.prefix, reading)
    fixed = _fixed(before, description, pieces)

    def chosen(held_out: bool | None, part: Monitor) -> Choice:
        counts = [one.counts(len(pieces.names), held_out) for one in evidence]
        return choose(pieces, counts, given.parameters, fixed, part)

    rehearsal = chosen(False, Portion(monitor, 0.7, 0.8))
    choice = chosen(None, Portion(monitor, 0.8, 0.9))
    monitor.progress("cutting", 0.9)
    tokenizer = cut_tokenizer(description, pieces, choice.kept)
    network.change_vocabulary(tokenizer, before.rows.detach()[choice.kept])
    report = sizes(before, network, len(choice.kept)) | {
        "rows_by_reason": choice.reasons,
        "texts": [account(one, choice.kept, rehearsal.kept, len(before.rows)) for one in evidence],
    }
    monitor.progress("cutting", 1.0)
    why = f"{len(choice.kept)} of {len(before.rows)} rows were kept; nothing was trained."
    return MethodOutput(network.eval(), [], why, report, rebuilt=True)


def _fixed(vocabulary: Vocabulary, description: dict[str, Any], pieces: Pieces) -> set[int]:
    """Ids that the network or the post-processor names, and those before the padding token.

    RoBERTa and its like count positions from the padding token's id, which stands at the front
    there and must stay what it is.
    """
    padding = vocabulary.named.get("pad_token_id", 0)
    before = range(padding) if padding < _FRONT else range(0)
    named = {*vocabulary.named.values(), *before}
    named |= post_processor_ids(description["post_processor"])
    return {id for id in named if id < len(pieces.names) and pieces.names[id] is not None}
