"""Whether the methods for few labels are good enough, and by how much they are or are not."""

from __future__ import annotations

from typing import Any

BASELINES = ("target-only TF-IDF", "target-only head")
SINGLE = ("fine-tune", "joint", "self-train")


def verdict(languages: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over languages, and a line for each thing wanted: met or missed, by how many points."""
    names = list(languages[0]["scores"])
    means = {n: _mean([one["scores"][n]["value"] for one in languages]) for n in names}
    best = max((*SINGLE[1:], "auto"), key=lambda name: means[name])
    single = max(SINGLE, key=lambda name: means[name])
    losses = {
        one["language"]: 100 * (one["scores"][best]["value"] - one["scores"]["zero-shot"]["value"])
        for one in languages
    }
    worst = min(losses, key=lambda name: losses[name])
    wanted = [
        *(
            (f"{best} beats {name} by 20 points", 100 * (means[best] - means[name]), 20.0)
            for name in BASELINES
        ),
        (f"{best} beats zero-shot by 2 points", 100 * (means[best] - means["zero-shot"]), 2.0),
        (f"{best} loses at most 1 point in any language ({worst})", losses[worst], -1.0),
        (
            f"auto is within 1 point of {single}, the best single method",
            100 * (means["auto"] - means[single]),
            -1.0,
        ),
    ]
    lines = [
        f"{'met' if found >= limit else 'MISSED'}: {text}: {found:+.1f} ({found - limit:+.1f})"
        for text, found, limit in wanted
    ]
    return {"means": means, "best": best, "best_single": single, "by_language": losses} | {
        "lines": lines
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
