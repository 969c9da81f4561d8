"""The one error of the client."""

from __future__ import annotations

from typing import Any

import httpx2


class BabelportProblem(Exception):
    """The service refused a request, or could not be reached (then `status` is 0).

    `code` is stable and meant for programs; `detail` says what happened and `advice` what to do
    next; `body` is the whole problem+json answer, and `request_id` names the request in the
    service's log.
    """

    def __init__(
        self, status: int, code: str, detail: str, advice: str, body: dict[str, Any] | None = None
    ) -> None:
        # Both are sentences; those of other services and frameworks may lack their full stop.
        sentence = detail if detail.endswith((".", "!", "?")) or not detail else f"{detail}."
        super().__init__(f"{sentence} {advice}".strip())
        self.status = status
        self.code = code
        self.detail = detail
        self.advice = advice
        self.body = body or {}
        self.request_id: str | None = self.body.get("request_id")


def problem_of(response: httpx2.Response) -> BabelportProblem:
    """The problem that an error answer (its body already read) describes."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict) or "code" not in body:
        detail = f"The server answered {response.status_code} {response.reason_phrase}."
        advice = "Check that the address is that of a Babelport service."
        return BabelportProblem(response.status_code, "not-a-babelport-answer", detail, advice)
    return BabelportProblem(
        response.status_code, body["code"], body.get("detail", ""), body.get("advice", ""), body
    )


def answer_of(response: httpx2.Response) -> dict[str, Any]:
    """The answer's JSON, empty where it has no body; raises the problem of an error answer."""
    if response.is_error:
        raise problem_of(response)
    return response.json() if response.content else {}


def unreachable(url: object, reason: Exception) -> BabelportProblem:
    """The problem of a service that does not answer at all."""
    detail = f"No answer from {url}: {reason or type(reason).__name__}."
    return BabelportProblem(0, "unreachable", detail, "Start the service with `babelport up`.")
