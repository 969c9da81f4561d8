"""The child's side of the local engine: `python -m app.engines.child LABEL`."""

from __future__ import annotations

import json
import os
import signal
import threading

from app.engines.call import call

_STANDARD_INPUT = 0


def main() -> None:
    """Read an order (one line of JSON) from standard input and carry it out.

    Standard input stays open as long as the parent lives; when it ends, the whole process group
    is killed, so that no child trains on for nobody.
    """
    order = json.loads(_read_line())
    # Whoever waits for an answer goes before what takes minutes anyhow.
    os.nice(10)
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    call(order["target"], order["arguments"])


def _read_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(_STANDARD_INPUT, 65536)
        if not piece:
            raise SystemExit("The parent ended before it gave an order.")
        line += piece
    return line


def _die_with_the_parent() -> None:
    # os.read and not sys.stdin: a thread inside a buffered read aborts a finishing interpreter.
    while os.read(_STANDARD_INPUT, 65536):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
