"""The shape of every piece of advice: a status, a sentence, and the numbers behind it."""

from __future__ import annotations

from typing import Any


def give_advice(sentence: str, **numbers: Any) -> dict[str, Any]:
    """Advice that the data allow: `{"status": "given", "sentence", ...numbers}`."""
    return {"status": "given", "sentence": sentence, **numbers}


def withhold_advice(reason: str, **numbers: Any) -> dict[str, Any]:
    """Advice that the data do not allow; `reason` is a sentence. Status `withheld`."""
    return {"status": "withheld", "sentence": reason, **numbers}


def not_applicable(reason: str) -> dict[str, Any]:
    """Advice that makes no sense for this kind of model or data. Status `not-applicable`."""
    return {"status": "not-applicable", "sentence": reason}
