"""Requests that create something: sent again with the same Idempotency-Key, they create it once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from sqlalchemy.orm import Session

from app.api.deps import TheContext, TheDataPlane
from app.domain.errors import BabelportError
from app.domain.errors.idempotency import KeyReused
from app.domain.errors.storage import BytesDropped
from app.domain.identity import now
from app.domain.kept_answers import KeptAnswer
from app.services.context import Context
from app.store import kept_answers

_REPLAYED = {"Idempotency-Replayed": "true"}
_TRIES = 5  # where others drop the very bytes that are being recorded
Record = Callable[[Session], Response]


@dataclass(frozen=True)
class Creation:
    """One creating request; `key` is its Idempotency-Key, None where it came without.

    `forget` is called when something was created: a name may mean a new version then.
    """

    context: Context
    method: str
    path: str
    key: str | None
    forget: Callable[[], None]

    def answer(self, prepare: Callable[[], Record], digest: str = "") -> Response:
        """What was answered to the same request before, or what `prepare` leads to.

        `prepare` reads, checks and computes while no transaction is open. What it returns is then
        given a writing session: what that writes and its answer under the key are committed in
        one transaction. What either raises changes nothing and is not kept. `digest` tells
        requests under one key apart; raises `KeyReused` for another than the first time.
        """
        if kept := self._kept(digest):
            return kept
        try:
            response = self._record(prepare(), digest)
            self.forget()
        except BabelportError:
            # The same request may have come twice at once: then the other one has the answer,
            # and what it wrote may be the very reason why this one failed.
            if kept := self._kept(digest):
                return kept
            raise
        return response

    def _record(self, record: Record, digest: str) -> Response:
        for _ in range(_TRIES - 1):
            with suppress(BytesDropped):
                return self._commit(record, digest)
        return self._commit(record, digest)

    def _commit(self, record: Record, digest: str) -> Response:
        with self.context.sessions.begin() as session:
            response = record(session)
            self._keep(session, response, digest)
        return response

    def _kept(self, digest: str) -> Response | None:
        if self.key is None:
            return None
        with self.context.readers() as session:
            kept = kept_answers.get(session, self.key, self.method, self.path)
        if kept is None:
            return None
        if kept.request_digest != digest:
            raise KeyReused(self.key)
        return Response(kept.body, kept.status, kept.headers | _REPLAYED)

    def _keep(self, session: Session, response: Response, digest: str) -> None:
        if self.key is None:
            return
        headers = {k: v for k, v in response.headers.items() if k != "content-length"}
        body = bytes(response.body).decode()
        address = (self.key, self.method, self.path)
        kept = KeptAnswer(*address, digest, response.status_code, headers, body, now())
        kept_answers.insert(session, kept)


def _creation(
    request: Request,
    context: TheContext,
    dataplane: TheDataPlane,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            description="Makes it safe to send the same request again: it creates one record, and "
            "each repetition gets the first answer.",
        ),
    ] = None,
) -> Creation:
    address = (request.method, request.url.path)
    return Creation(context, *address, idempotency_key, dataplane.forget)


Creating = Annotated[Creation, Depends(_creation)]
