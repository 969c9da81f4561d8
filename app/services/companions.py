"""The second model of a transfer, found when the transfer is asked for."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.domain.companions import HUB, STARTER, companion_model_id
from app.domain.enums import Companion, Format
from app.domain.errors.companions import CompanionMissing, CompanionUnfit, CompanionUnused
from app.domain.errors.transfer_requests import RecordRejected
from app.domain.errors.word_vectors import WidthsDiffer
from app.domain.models import ModelFacts
from app.methods.catalog import method_named
from app.methods.contract import MethodSpec
from app.services.models import find_model


def choose_companion(session: Session, method_name: str, asked: str | None) -> str | None:
    """The companion as the specification keeps it: a model's id, `starter`, `hub:NAME` or None.

    A method that needs a text encoder and is told of none gets the starter encoder. Raises
    `CompanionUnused`, `CompanionMissing`, `CompanionUnfit`, `ModelNotFound`, `RecordRejected`.
    """
    method = method_named(method_name)
    if method.companion is Companion.NONE:
        if asked is not None:
            raise CompanionUnused(method.name, asked)
        return None
    takes_encoders = Format.HUGGINGFACE in method.companion_formats
    if asked is None:
        return _default(method, takes_encoders)
    if asked == STARTER or asked.startswith(HUB):
        if not takes_encoders:
            raise CompanionUnfit(method.name, asked, sorted(method.companion_formats))
        return asked
    model = find_model(session, asked)
    if model.facts is None:
        raise RecordRejected(model.id)
    if model.facts.format not in method.companion_formats:
        raise CompanionUnfit(method.name, model.facts.format, sorted(method.companion_formats))
    return model.id


def check_widths(session: Session, source: ModelFacts, companion: str | None) -> None:
    """Refuse word vectors of another width than the source model's: `WidthsDiffer`."""
    identifier = companion_model_id(companion)
    if identifier is None or source.format is not Format.WORD_VECTORS:
        return
    target = find_model(session, identifier).facts
    if target is not None and target.vector_width != source.vector_width:
        raise WidthsDiffer(source.vector_width, target.vector_width)


def _default(method: MethodSpec, takes_encoders: bool) -> str | None:
    if method.companion is Companion.OPTIONAL:
        return None
    if not takes_encoders:
        raise CompanionMissing(method.name, sorted(method.companion_formats))
    return STARTER
