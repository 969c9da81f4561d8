"""How figures are laid out in every section."""

from __future__ import annotations

from typing import Any


def conditions(data: dict[str, Any]) -> str:
    """When and on what the figures were taken."""
    c = data["conditions"]
    return (
        f"{c['date']}, {c['cores']} cores, {c['device']}, Python {c['python']}, "
        f"torch {c['torch']}, {data.get('seconds', '-')} s in all."
    )


def bracket(score: dict[str, float]) -> str:
    """A score with its interval."""
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"


def mean(scores: list[dict[str, float]]) -> str:
    """The mean of several scores."""
    return f"{sum(score['value'] for score in scores) / len(scores):.3f}"


def table(heading: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
