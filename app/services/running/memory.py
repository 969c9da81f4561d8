"""Recognising that memory ran out, on a GPU or off it."""

from __future__ import annotations

# torch raises a plain RuntimeError with one of these where the system gives no more memory.
_SAID = ("can't allocate memory", "not enough memory", "CUDA out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out, whichever library raised it."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID)
