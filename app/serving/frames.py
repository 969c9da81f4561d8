"""Messages as bytes on the socket between the API and the predictor process.

Both ends are processes of ours on one machine, so they are pickled, as `multiprocessing` itself
does; nothing that a user sent is ever unpickled.
"""

from __future__ import annotations

import pickle
import socket
import struct
from collections.abc import Iterator
from typing import Any

_LENGTH = struct.Struct(">Q")
_PIECE = 1 << 20


def frame(content: Any) -> bytes:
    """The bytes of one frame: its length in eight bytes, then the content."""
    packed = pickle.dumps(content, protocol=5)
    return _LENGTH.pack(len(packed)) + packed


class FrameReader:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, received: bytes) -> Iterator[Any]:
        """The contents of all frames that `received` completes."""
        self._held += received
        start = 0
        while len(self._held) - start >= _LENGTH.size:
            [length] = _LENGTH.unpack_from(self._held, start)
            end = start + _LENGTH.size + length
            if len(self._held) < end:
                break
            yield pickle.loads(memoryview(self._held)[start + _LENGTH.size : end])  # noqa: S301
            start = end
        del self._held[:start]


def frames(channel: socket.socket) -> Iterator[Any]:
    """Frames from a blocking socket until the other side closes it."""
    reader = FrameReader()
    while received := channel.recv(_PIECE):
        yield from reader.feed(received)
