"""What the scores say: whether the transfer was worth it, and what to try where it was not."""

from __future__ import annotations

from collections.abc import Collection
from statistics import mean, stdev
from typing import Any

import numpy as np

from app.domain.enums import EvaluationKind, Role
from app.learn.comparison import paired_difference
from app.learn.data.examples import Examples
from app.learn.data.splits import clusters
from app.learn.intervals import FEW_CLUSTERS, FEWEST_CLUSTERS
from app.learn.tasks.contract import Objective

_NAMES = {
    EvaluationKind.SOURCE_MODEL: "the untouched source model",
    EvaluationKind.TFIDF: "TF-IDF with logistic regression",
    EvaluationKind.WORD_FEATURES: "logistic regression on word features",
    EvaluationKind.LINEAR_PROBE: "logistic regression on the encoder's vectors",
    EvaluationKind.MAJORITY: "the majority class",
    EvaluationKind.CHANCE: "chance",
}
_METRICS = {"accuracy": "Accuracy", "micro_f1": "Micro F1", "entity_f1": "Entity F1"}
_FAR = 0.1
_BLIND = (EvaluationKind.MAJORITY, EvaluationKind.CHANCE)
_WHAT_MORE_LABELS_DO = "label more rows (`advice.learning_curve` says what they would be worth)"


def compare_with_baselines(
    answered: dict[EvaluationKind, np.ndarray],
    test: Examples | None,
    objective: Objective,
    seed: int,
) -> list[dict[str, Any]]:
    """The transferred model's paired difference to each other kind, on the same `test` rows.

    Nothing where it answered none.
    """
    transferred = answered.get(EvaluationKind.TRANSFERRED)
    if transferred is None or test is None:
        return []
    targets, parts = test.targets, clusters(test)
    return [
        {
            "baseline": kind.value,
            **paired_difference(transferred, answers, targets, seed, objective, parts),
        }
        for kind, answers in answered.items()
        if kind is not EvaluationKind.TRANSFERRED
    ]


def judge(
    comparisons: list[dict[str, Any]], evaluated: bool = True, fitted: bool = True, method: str = ""
) -> dict[str, Any]:
    """`beats_all`, `beaten`, `not_beaten`, `next` and the `sentence` that says it all.

    A baseline is beaten when the whole 95% interval of the difference lies above zero, in which
    the exact test has its say too. `fitted` tells whether there were target labels to fit
    baselines on, `method` what made the model. Where nothing was compared, and with fewer than 6
    independent rows, `beats_all` is null. `next` says what to try; null after a clear win.
    """
    if not comparisons:
        return _uncompared(evaluated)
    count = comparisons[0]["clusters"]
    if comparisons[0]["low"] is None:
        sentence = (
            f"Whether the transferred model beats {_list_names(comparisons, 'or')} is unknown: "
            f"there are fewer than {FEWEST_CLUSTERS} independent test rows."
        )
        return _verdict(None, [], comparisons, sentence, _more_test_rows(count))
    beaten = [one for one in comparisons if one["low"] > 0]
    others = [one for one in comparisons if one["low"] <= 0]
    sentences = [f"The transferred model beats {_list_names(beaten, 'and')}."] if beaten else []
    if others:
        subject = "It" if beaten else "The transferred model"
        sentences.append(
            f"{subject} does not beat " + "; nor ".join(map(_comparison_text, others)) + "."
        )
    if not fitted:
        sentences.append("No classifier fitted on target labels was compared, as there were none.")
    next_step = _next(beaten, others, fitted, method)
    if count < FEW_CLUSTERS and next_step != _more_test_rows(count):
        sentences.append(f"With {count} independent test rows only large differences are certain.")
    return _verdict(not others, beaten, others, " ".join(sentences), next_step)


def score_summary(
    answered: dict[EvaluationKind, np.ndarray],
    test: Examples | None,
    source_test: Examples | None,
    objective: Objective,
) -> dict[str, Any] | None:
    """The primary metric of the transferred model, as evaluated; None without an answered test row.

    `metric`, `value`, `low`, `high` and `rows`; `source` has the last four on the source rows.
    """
    transferred = answered.get(EvaluationKind.TRANSFERRED)
    if transferred is None or test is None:
        return None
    found: dict[str, Any] = {
        "metric": objective.metric,
        **_scored(transferred, test, objective),
        "source": None,
    }
    answers = answered.get(EvaluationKind.SOURCE_AFTER)
    if answers is not None and source_test is not None:
        found["source"] = _scored(answers, source_test, objective)
    return found


def with_score(
    verdict: dict[str, Any],
    score: dict[str, Any],
    source_language: str,
    roles: Collection[Role],
    method: str = "",
    ahead: bool = True,
) -> dict[str, Any]:
    """The verdict with the score at the beginning of its sentence.

    Where the score is far below that in the source language, although it is `ahead` of every
    baseline, `next` says what could help beyond the `roles` that have rows.
    """
    name = _METRICS.get(score["metric"], score["metric"])
    sentence = f"{name} on {score['rows']} test rows is {score['value']:.1%}"
    if score["low"] is not None:
        sentence += f" (95% interval {score['low']:.1%} to {score['high']:.1%})"
    source = score["source"]
    if source is not None:
        sentence += f"; on {source['rows']} rows of `{source_language}` it is {source['value']:.1%}"
    opened = verdict | {"sentence": f"{sentence}. {verdict['sentence']}"}
    if source is None or not _far_below(score, source) or not ahead:
        return opened
    gap = 100 * (source["value"] - score["value"])
    suggestions = ["more labelled rows" if Role.TRAIN in roles else "about 50 labelled rows"]
    suggestions += [
        f"`{role}` rows" for role in (Role.UNLABELLED, Role.SOURCE) if role not in roles
    ]
    trying = "" if method == "auto" else "; `auto` tries what they allow"
    return with_next(
        opened,
        f"It is {gap:.0f} points below `{source_language}`. What could help: "
        f"{', '.join(suggestions)}{trying}.",
    )


def with_next(verdict: dict[str, Any], next_step: str) -> dict[str, Any]:
    """The verdict with one thing more to do."""
    before = verdict["next"]
    return verdict | {
        "next": next_step if before is None else f"{before} {next_step}",
        "sentence": f"{verdict['sentence']} {next_step}",
    }


def forgetting_sentence(
    difference: dict[str, Any], before: float, after: float, language: str
) -> str:
    """What became of the source language, by the paired `difference` after minus before."""
    name = _METRICS.get(difference["metric"], difference["metric"])
    if difference["difference"] == 0:
        return f"{name} on `{language}` rows is {after:.1%}, as before."
    verb = "fell" if difference["difference"] < 0 else "rose"
    sentence = f"{name} on `{language}` rows {verb} from {before:.1%} to {after:.1%}"
    low, high = difference["low"], difference["high"]
    if low is None:
        return f"{sentence}; there are too few rows to tell whether that is chance."
    sentence += f" (difference {100 * difference['difference']:+.1f} points, 95% interval "
    sentence += f"{100 * low:+.1f} to {100 * high:+.1f})"
    return f"{sentence}, which may be chance." if low <= 0 <= high else f"{sentence}."


def score_spread(accounts: list[dict[str, Any]], metric: str) -> dict[str, Any] | None:
    """Mean, sample standard deviation and each test score over repeats; None for one alone."""
    each = [account[metric] for account in accounts if metric in account]
    if len(each) < 2:
        return None
    return {"metric": metric, "mean": mean(each), "sd": stdev(each), "each": each}


def _scored(answers: np.ndarray, rows: Examples, objective: Objective) -> dict[str, Any]:
    scores = objective.score(answers, rows.targets, clusters(rows))
    bounds = {name: scores[objective.metric][name] for name in ("value", "low", "high")}
    return {**bounds, "rows": len(rows)}


def _far_below(score: dict[str, Any], source: dict[str, Any]) -> bool:
    """By ten points or more, and more than chance: the intervals do not meet."""
    if score["high"] is None or source["low"] is None:
        return False
    return bool(source["value"] - score["value"] >= _FAR and score["high"] < source["low"])


def _verdict(
    beats_all: bool | None,
    beaten: list[dict[str, Any]],
    others: list[dict[str, Any]],
    sentence: str,
    next_step: str | None,
) -> dict[str, Any]:
    return {
        "beats_all": beats_all,
        "beaten": [one["baseline"] for one in beaten],
        "not_beaten": [one["baseline"] for one in others],
        "sentence": sentence if next_step is None else f"{sentence} {next_step}",
        "next": next_step,
    }


def _uncompared(evaluated: bool) -> dict[str, Any]:
    if evaluated:
        sentence = "There was nothing to compare the transferred model with."
        return _verdict(None, [], [], sentence, None)
    sentence = "The transferred model was not evaluated: no test rows were given."
    next_step = f"Send a test dataset of {FEW_CLUSTERS} labelled rows or more to find out."
    return _verdict(None, [], [], sentence, next_step)


def _more_test_rows(count: int) -> str:
    return (
        f"{count} independent test rows cannot tell: send a test dataset of {FEW_CLUSTERS} or more."
    )


def _next(
    beaten: list[dict[str, Any]], others: list[dict[str, Any]], fitted: bool, method: str
) -> str | None:
    """What to try where `others` were not beaten, by the simplest of those that are as good.

    Not proven is not equal: a baseline counts as equal where it is not behind, and with few rows
    only where it is ahead for certain.
    """
    if not others:
        return None if fitted else "Label a few rows of each label to see what those would do."
    few = others[0]["clusters"] < FEW_CLUSTERS
    equal = [one for one in others if (one["high"] < 0 if few else one["difference"] <= 0)]
    if not equal and few:
        return _more_test_rows(others[0]["clusters"])
    if not equal:
        also = " too" if beaten else ""
        return (
            f"It is ahead of {_list_names(others, 'and')}{also}, though not for certain: more test "
            "rows would tell."
        )
    found = {EvaluationKind(one["baseline"]): one for one in equal}
    blind = [found[kind] for kind in _BLIND if kind in found]
    if blind:
        return _next_if_blind(blind[0])
    if EvaluationKind.SOURCE_MODEL in found:
        return _next_if_untouched(found[EvaluationKind.SOURCE_MODEL], fitted, method)
    return _next_if_simple(equal[0], method)


def _next_if_blind(one: dict[str, Any]) -> str:
    good = "better" if one["high"] < 0 else "as good"
    return (
        f"An answer that does not look at the input is {good}: check that the labels of the "
        "datasets mean what the model's do (`label_mapping`), and how good the source model is in "
        "its own language (`source_test`)."
    )


def _next_if_untouched(one: dict[str, Any], fitted: bool, method: str) -> str:
    finding = f"The source model does {'better' if one['high'] < 0 else 'as well'} untouched: "
    if not fitted:
        return finding + "label about 50 rows, then try `auto`, or serve the source model itself."
    if method == "auto":
        return finding + f"{_WHAT_MORE_LABELS_DO}, or serve the source model itself."
    return finding + (
        "give more labelled rows or unlabelled text, try `auto`, or serve the source model itself."
    )


def _next_if_simple(one: dict[str, Any], method: str) -> str:
    rank = "better" if one["high"] < 0 else "as good"
    finding = f"A simple classifier on the same labels is {rank}"
    if method == "auto":
        return f"{finding}: {_WHAT_MORE_LABELS_DO}."
    return f"{finding}: try `auto`, which has one among its candidates, or {_WHAT_MORE_LABELS_DO}."


def _list_names(comparisons: list[dict[str, Any]], last: str) -> str:
    names = [_NAMES[EvaluationKind(one["baseline"])] for one in comparisons]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def _comparison_text(one: dict[str, Any]) -> str:
    low, high = 100 * one["low"], 100 * one["high"]
    name = _NAMES[EvaluationKind(one["baseline"])]
    return (
        f"{name} (difference {100 * one['difference']:+.1f} points, 95% interval {low:+.1f} to "
        f"{high:+.1f}, p = {one['p_value']:.2g})"
    )
