"""What others sent, as a line of the log may hold it."""

from __future__ import annotations


def printable(sent: str) -> str:
    """The text without what would end the line or move the cursor of a terminal."""
    return sent if sent.isprintable() else ascii(sent)
