"""The work of `vocabulary`."""

from __future__ import annotations

from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import nn

from app.learn.checkpoints import NoCheckpoints
from app.learn.examples import texts_of
from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.learn.seeding import seeded
from app.methods.contract import MethodInput, MethodOutput
from app.methods.vocabulary.initialise import NewRows, initialise
from app.methods.vocabulary.masked_training import MaskedInput, MaskedRun, train_masked
from app.methods.vocabulary.reading import reader
from app.methods.vocabulary.target import Target, find_target

_SAMPLE = 2000


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Change the tokenizer, make its rows of the source's, and train on as far as asked."""
    parameters, texts = given.parameters, texts_of(given.unlabelled or [])
    network = reader(given.network)
    source = network.vocabulary()
    trains = parameters.rows_steps + parameters.all_steps > 0
    end = 0.3 if trains else 1.0
    first = Portion(monitor, 0.0, 0.6 * end)
    target = find_target(source, given.companion, texts, parameters.pieces, first)
    with seeded(given.seed) as generator:
        part = Portion(monitor, 0.6 * end, end)
        made = initialise(source, target, texts, given.dictionary, parameters, generator, part)
        report = _report(given, made, source.tokenizer, target.tokenizer, texts)
        report["rows"] = {"before": len(source.rows), "after": len(made.rows)}
        network.change_vocabulary(target.tokenizer, made.rows, target.special)
        done = MaskedRun([], [f"The vocabulary has {len(made.rows)} tokens."], {})
        if trains:
            done = _train(given, texts, target, generator, Portion(monitor, end, 1.0))
            report["masked_loss"] = done.losses
    given.network.requires_grad_(True).eval()
    why = " ".join(done.why)
    return MethodOutput(given.network, done.history, why, report, rebuilt=True)


def _train(
    given: MethodInput,
    texts: list[str],
    target: Target,
    generator: torch.Generator,
    monitor: Monitor,
) -> MaskedRun:
    embedding = cast(nn.Parameter, reader(given.network).vocabulary().rows)
    ids = target.tokenizer.get_vocab()
    never = {ids[name] for name in target.special.values()}
    return train_masked(
        MaskedInput(given.network, embedding, texts, target.tokenizer, never),
        given.parameters,
        generator,
        monitor,
        given.checkpoints or NoCheckpoints(),
    )


def _report(
    given: MethodInput, made: NewRows, before: Tokenizer, after: Tokenizer, texts: list[str]
) -> dict[str, Any]:
    used = made.translations
    told: dict[str, Any] = {
        "rows_by_origin": made.origins,
        "tokens_per_word": {"before": _fertility(before, texts), "after": _fertility(after, texts)},
    }
    if given.dictionary is not None:
        told["dictionary"] = {
            "pairs": len(given.dictionary),
            "used": used.used,
            "unknown_to_the_source": used.unknown_source,
            "unknown_to_the_target": used.unknown_target,
            "words_of_one_token": len(used.whole),
        }
    return told


def _fertility(tokenizer: Tokenizer, texts: list[str]) -> float:
    """Tokens for each word between white space, in a sample of the texts."""
    sample = texts[:: max(1, len(texts) // _SAMPLE)]
    tokens = sum(len(e.ids) for e in tokenizer.encode_batch(sample, add_special_tokens=False))
    return round(tokens / max(1, sum(len(text.split()) for text in sample)), 4)
