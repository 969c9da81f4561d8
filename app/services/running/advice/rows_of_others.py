"""Advice on rows that are in another language than their dataset's."""

from __future__ import annotations

from typing import Any

from app.domain.enums import Role
from app.learn.advice.statements import inapplicable, told, untold
from app.services.running.advice.case import Case


def rows_of_others(case: Case) -> dict[str, Any]:
    """By role, what the report of each dataset of texts says; found when it was registered."""
    if not case.text:
        return inapplicable("Images are in no language.")
    reports = {
        role: dataset.facts.report["wrong_language"]
        for role, dataset in case.material.datasets.items()
        if dataset.facts is not None and "wrong_language" in dataset.facts.report
    }
    if not reports:
        return inapplicable("None of the datasets was checked row by row.")
    if not any(map(_judged, reports.values())):
        return untold(
            "Whether rows are in another language than their dataset's cannot be told: they are "
            "too short, or their language is one that is not known.",
            datasets={role.value: found for role, found in reports.items()},
        )
    return told(_said(reports), datasets={role.value: found for role, found in reports.items()})


def _said(reports: dict[Role, dict[str, Any]]) -> str:
    found = [
        f"{report['wrong']} of {role} (first rows {', '.join(map(str, report['rows'][:5]))})"
        for role, report in reports.items()
        if report["wrong"]
    ]
    judged, looked_at = sum(map(_judged, reports.values())), _looked_at(reports)
    if not found:
        return (
            f"Of {judged} rows that could be judged (of {looked_at}) none is surely in another "
            "language than its dataset's."
        )
    return f"These rows are surely in another language than their dataset's: {'; '.join(found)}."


def _judged(report: dict[str, Any]) -> int:
    return int(report["looked_at"] - report["abstained"])


def _looked_at(reports: dict[Role, dict[str, Any]]) -> int:
    return sum(int(report["looked_at"]) for report in reports.values())
