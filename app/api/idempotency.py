"""Requests that create a record: sent again with their Idempotency-Key, they create it once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.api.dependencies import ContextDep, DataPlaneDep
from app.api.forms import FormParts
from app.domain.errors import BabelportError
from app.domain.errors.requests import KeyReused
from app.domain.errors.service import BytesDropped
from app.domain.identity import now
from app.services.context import Context
from app.store import idempotency
from app.store.idempotency import StoredResponse

_REPLAYED = {"Idempotency-Replayed": "true"}
_MAX_TRIES = 5  # where the collector deletes the very bytes that are being recorded
WriteRecord = Callable[[Session], Response]


@dataclass(frozen=True)
class Creation:
    """One creating request; `key` is its Idempotency-Key, None where it came without.

    `forget` clears what references mean, when something was created: a name may have a new version.
    """

    context: Context
    method: str
    path: str
    key: str | None
    forget: Callable[[], None]

    def answer(self, prepare: Callable[[], WriteRecord], digest: str = "") -> Response:
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
            # and what it wrote may be the reason why this one failed.
            if kept := self._kept(digest):
                return kept
            raise
        return response

    def _record(self, record: WriteRecord, digest: str) -> Response:
        for _ in range(_MAX_TRIES - 1):
            with suppress(BytesDropped):
                return self._commit(record, digest)
        return self._commit(record, digest)

    def _commit(self, record: WriteRecord, digest: str) -> Response:
        with self.context.sessions.begin() as session:
            response = record(session)
            self._keep(session, response, digest)
        return response

    def _kept(self, digest: str) -> Response | None:
        if self.key is None:
            return None
        with self.context.readers() as session:
            kept = idempotency.get(session, self.key, self.method, self.path)
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
        kept = StoredResponse(*address, digest, response.status_code, headers, body, now())
        idempotency.insert(session, kept)


def _creation(
    request: Request,
    context: ContextDep,
    dataplane: DataPlaneDep,
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


CreationDep = Annotated[Creation, Depends(_creation)]


def request_digest(fields: BaseModel, form: FormParts | None = None) -> str:
    """SHA-256 over the fields, defaults filled in, and over the names and bytes of the files."""
    files = form.files if form is not None else {}
    sent = sorted((name, upload.filename, upload.sha256) for name, upload in files.items())
    return hashlib.sha256((fields.model_dump_json() + repr(sent)).encode()).hexdigest()


def created_response(
    schema: type[BaseModel], record: Any, address: str, status: int = HTTPStatus.CREATED
) -> Response:
    """The record by `schema` as JSON, with its `address` in the header Location.

    Made while the transaction is open, so that it can be kept with the request's key.
    """
    body = schema.model_validate(record).model_dump_json(by_alias=True)
    return Response(body, status, {"Location": address}, media_type="application/json")
