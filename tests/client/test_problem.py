"""The client's error, as it is printed."""

from __future__ import annotations

import pytest

from app.client.problem import BabelportProblem


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("Not Found", "Not Found. Look again."),
        ("It is full.", "It is full. Look again."),
        ("", "Look again."),
    ],
)
def test_what_happened_ends_with_a_stop_before_what_to_do(detail: str, shown: str) -> None:
    assert str(BabelportProblem(404, "code", detail, "Look again.")) == shown
