"""From the fields of a request to what the use cases take."""

from __future__ import annotations

from app.api.schemas.datasets import DatasetFields
from app.api.schemas.models import ModelFields
from app.domain.datasets import DatasetHints
from app.domain.enums import DatasetKind
from app.domain.languages import parse_language
from app.domain.models import ModelHints
from app.services.datasets import DatasetDetails
from app.services.models import ModelDetails


def model_details(fields: ModelFields) -> ModelDetails:
    """What the user says of a model; raises `LanguageUnknown`."""
    given = fields.input.model_dump(exclude_none=True) if fields.input else {}
    vectors = fields.vectors.model_dump(exclude_none=True) if fields.vectors else {}
    return ModelDetails(
        languages=(parse_language(fields.language),),
        name=fields.name,
        hints=ModelHints(labels=tuple(fields.labels or ()), input=given, vectors=vectors),
    )


def dataset_details(
    fields: DatasetFields, language: str, kind: DatasetKind | None = None
) -> DatasetDetails:
    """What the user says of a dataset in `language`; raises `LanguageUnknown`.

    `kind` is what it is taken for where the user does not say.
    """
    names = ("text", "label", "group", "source", "target")
    columns = {name: getattr(fields, name) for name in (*names, "separator", "part")}
    hints = DatasetHints(kind=fields.kind or kind, **columns)
    return DatasetDetails(language=parse_language(language), name=fields.name, hints=hints)
