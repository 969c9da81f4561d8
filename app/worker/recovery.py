"""Workers' names, and ending and freeing at the start what a dead worker of this host left."""

from __future__ import annotations

import logging
import os
import secrets
import socket

from app.domain.errors.transfers import LeaseLost
from app.domain.jobs import Job
from app.engines.local import end_leftovers
from app.store import job_queue
from app.worker.context import WorkerContext
from app.worker.supervisor import child_label

_log = logging.getLogger(__name__)


def recover(context: WorkerContext) -> None:
    """Kill children that dead workers of this host left, and free what they did at once.

    A job whose child is not found here keeps its lease: it may be at work in another container
    of the same host name.
    """
    with context.service.readers() as session:
        found = job_queue.held(session)
    for job in found:
        if job.process_group is None or not died_on_this_host(job.worker):
            continue
        if end_leftovers(job.process_group, child_label(job)):
            _log.warning("killed the processes that worker %s left of job %s", job.worker, job.id)
            _free(job, context)


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


def _free(job: Job, context: WorkerContext) -> None:
    try:
        with context.service.sessions.begin() as session:
            job_queue.renew(session, job.id, job.attempt, lease_seconds=0)
    except LeaseLost:
        _log.info("%s was taken over already", job.id)
