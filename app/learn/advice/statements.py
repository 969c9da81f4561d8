"""The shape of every piece of advice: a status, a sentence, and the numbers behind it."""

from __future__ import annotations

from typing import Any


def told(sentence: str, **numbers: Any) -> dict[str, Any]:
    """Advice that the data allow: `{"status": "told", "sentence", ...numbers}`."""
    return {"status": "told", "sentence": sentence, **numbers}


def untold(reason: str, **numbers: Any) -> dict[str, Any]:
    """Advice that the data do not allow; `reason` is a sentence. Status `cannot-be-told`."""
    return {"status": "cannot-be-told", "sentence": reason, **numbers}


def inapplicable(reason: str) -> dict[str, Any]:
    """Advice that makes no sense for this kind of model or data. Status `not-applicable`."""
    return {"status": "not-applicable", "sentence": reason}
