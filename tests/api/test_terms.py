"""What the headers of a request for predictions say."""

from __future__ import annotations

from typing import Any

from app.api.terms import MOST_KEY, terms_of
from app.domain.predictions import NO_TERMS


def test_terms_are_read_once_and_time_runs_from_then() -> None:
    scope = _scope(("x-babelport-timeout-ms", "500"), ("x-babelport-key", "shop"))

    first = terms_of(scope)
    scope["headers"] = []

    assert first.key == "shop"
    assert terms_of(scope) is first


def test_the_first_of_a_header_counts_and_a_long_key_is_cut() -> None:
    long = "k" * (MOST_KEY + 1)
    headers = (("x-babelport-key", long), ("x-babelport-key", "b"), ("x-babelport-route-key", long))

    terms = terms_of(_scope(*headers))

    assert (terms.key, terms.route_key, terms.deadline) == ("k" * MOST_KEY, "k" * MOST_KEY, None)


def test_without_headers_of_ours_there_are_no_terms() -> None:
    assert terms_of(_scope(("host", "here"), ("x-babelport-other", "1"))) == NO_TERMS


def _scope(*headers: tuple[str, str]) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode()) for name, value in headers]}
