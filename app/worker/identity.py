"""The name under which a worker holds transfers."""

from __future__ import annotations

import os
import secrets
import socket


def worker_name() -> str:
    """`host/pid/token`: who works where; the token tells apart processes given the same pid."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def died_on_this_host(worker: str) -> bool:
    """Whether the worker of this name ran on this host and its process is gone."""
    host, pid, _ = worker.rsplit("/", 2)
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    # In a container every worker has the same small pid: an earlier one was not this process.
    return int(pid) == os.getpid()
