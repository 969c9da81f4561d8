"""The model formats; a later one is a new package and a line here."""

from __future__ import annotations

from pathlib import Path

from app.domain.enums import Format
from app.domain.errors.model_files import FormatUnknown
from app.formats.contract import ModelFormat
from app.formats.declared_network.format import DeclaredNetworkFormat
from app.formats.huggingface.format import HuggingFaceFormat
from app.formats.onnx.format import OnnxFormat
from app.formats.word_vectors.format import WordVectorFormat


def formats() -> tuple[ModelFormat, ...]:
    """Every format, in the order in which a folder is tried; importing them imports no torch."""
    return DeclaredNetworkFormat(), HuggingFaceFormat(), OnnxFormat(), WordVectorFormat()


def format_named(name: Format) -> ModelFormat:
    """The format of that name."""
    return next(one for one in formats() if one.name == name)


def recognise(folder: Path) -> ModelFormat:
    """The format that a folder is in; raises FormatUnknown, which lists what is accepted."""
    for one in formats():
        if one.recognises(folder):
            return one
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    raise FormatUnknown([path.relative_to(folder).as_posix() for path in paths])
