"""What the headers of a request for predictions say."""

from __future__ import annotations

from typing import Any

from app.api.prediction_requests import MAX_KEY_LENGTH, options_of
from app.domain.predictions import DEFAULT_OPTIONS


def test_terms_are_read_once_and_time_runs_from_then() -> None:
    scope = _scope(("x-babelport-timeout-ms", "500"), ("x-babelport-key", "shop"))

    first = options_of(scope)
    scope["headers"] = []

    assert first.key == "shop"
    assert options_of(scope) is first


def test_the_first_of_a_header_counts_and_a_long_key_is_cut() -> None:
    long = "k" * (MAX_KEY_LENGTH + 1)
    headers = (("x-babelport-key", long), ("x-babelport-key", "b"), ("x-babelport-route-key", long))

    options = options_of(_scope(*headers))

    assert (options.key, options.route_key, options.deadline) == (
        "k" * MAX_KEY_LENGTH,
        "k" * MAX_KEY_LENGTH,
        None,
    )


def test_without_headers_of_ours_there_are_no_terms() -> None:
    assert options_of(_scope(("host", "here"), ("x-babelport-other", "1"))) == DEFAULT_OPTIONS


def _scope(*headers: tuple[str, str]) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode()) for name, value in headers]}
