"""`word_vectors.json`: how texts are pooled, which languages there are, what the head answers."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.errors.model_files import FileInvalid
from app.formats.json_file import read_json_object
from app.formats.labels import checked_labels
from app.learn.word_vectors.pooling import Pooling

DESCRIPTION_FILE = "word_vectors.json"


class VocabularyRange(BaseModel):
    """So many words of the vocabulary file, the next in turn, are of one language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = "und"
    words: int = Field(ge=1)


class Description(BaseModel):
    """The content of `word_vectors.json`; every field may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Pooling = Pooling.MEAN
    labels: tuple[str, ...] = ()
    vocabularies: tuple[VocabularyRange, ...] = ()


def read_description(folder: Path) -> Description:
    """`word_vectors.json`, or the defaults without one; raises FileInvalid."""
    file = folder / DESCRIPTION_FILE
    if not file.is_file():
        return Description()
    content = read_json_object(file)
    try:
        description = Description.model_validate(content)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FileInvalid(DESCRIPTION_FILE, f"`{place}`: {first['msg']}") from None
    if content.get("labels"):
        checked_labels(DESCRIPTION_FILE, content["labels"])
    return description


def write_description(description: Description, folder: Path) -> None:
    """Write `word_vectors.json`."""
    text = description.model_dump_json(indent=2)
    (folder / DESCRIPTION_FILE).write_text(text, encoding="utf-8")
