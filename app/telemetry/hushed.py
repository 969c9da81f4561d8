"""Keeping a library's advice on the root logger out of our logs for as long as we call it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hushed() -> Iterator[None]:
    """Drop, meanwhile, what is logged below an error on the root logger itself.

    Its level stays as it is: every other part of the process inherits that.
    """
    root = logging.getLogger()
    root.addFilter(_is_error)
    try:
        yield
    finally:
        root.removeFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
