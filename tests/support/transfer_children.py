"""What the children of the worker's tests do in place of a real transfer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from app.domain.jobs import Progress
from app.services.context import open_context
from app.services.jobs import stop_on_sigterm
from app.services.transfers.progress import DatabaseReporter
from app.settings import settings
from app.store import job_queue, transfers
from app.store.database import open_database, session_factory


def succeed(job_id: str, attempt: int) -> None:
    """Record success and end."""
    with session_factory(open_database(settings().url))() as session:
        transfers.succeed(session, job_id, attempt, "mdl_made", {"summary": "done"})
        session.commit()


def work_for_ever(job_id: str, attempt: int) -> None:
    """Report a phase, then never end."""
    _report(job_id, attempt)
    threading.Event().wait()


def ignore_the_gentle_way(job_id: str, attempt: int) -> None:
    """Never end, not on SIGTERM either."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _report(job_id, attempt)
    while True:
        signal.pause()


def succeed_on_the_second_attempt(job_id: str, attempt: int) -> None:
    """The first attempt never ends; the second does at once."""
    if attempt == 1:
        work_for_ever(job_id, attempt)
    succeed(job_id, attempt)


def exit_with_three_if_poisoned(job_id: str, attempt: int) -> None:
    """End one transfer without recording anything, and any other with success."""
    if job_id == (settings().data_dir / "poison").read_text():
        os._exit(3)
    succeed(job_id, attempt)


def be_killed_at_first(job_id: str, attempt: int) -> None:
    """End as the system ends a process that took too much memory; succeed when tried again."""
    if attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    succeed(job_id, attempt)


def save_before_the_end(job_id: str, attempt: int) -> None:
    """Work until the gentle way comes, and then save something before the end."""
    with stop_on_sigterm() as stopping:
        _report(job_id, attempt)
        while not stopping.is_set():
            signal.pause()
    saved = settings().data_dir / "saved"
    saved.write_text(f"{job_id}-{attempt}")


def succeed_when_told(job_id: str, attempt: int) -> None:
    """Report progress again and again, as training does, until a file says that it is done."""
    context = open_context(settings())
    with context.readers() as session:
        transfer = transfers.get(session, job_id)
    assert transfer is not None
    reporter = DatabaseReporter(context, transfer)
    while not (settings().data_dir / "done").exists():
        reporter.event("check")
        time.sleep(0.05)
    succeed(job_id, attempt)


def work_until_all_are_there(job_id: str, attempt: int) -> None:
    """Succeed as soon as two children are at work at the same time."""
    folder = settings().data_dir / "at-work"
    folder.mkdir(exist_ok=True)
    (folder / job_id).write_text(os.environ.get("OMP_NUM_THREADS", ""))
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.02)
    succeed(job_id, attempt)


def write_a_line(file: str) -> None:
    """Leave a trace of having run."""
    print("printed by the child", flush=True)  # noqa: T201
    Path(file).write_text(os.environ["BABELPORT_CHILD"])


def raise_an_error() -> None:
    """End by an exception."""
    raise ValueError("on purpose")


def never_end(file: str, ignore_sigterm: bool = False) -> None:
    """Write our process id to `file` and wait, in Python, where every engine can be heard."""
    if ignore_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _put(file, os.getpid())
    while True:
        time.sleep(0.02)


def leave_a_grandchild(file: str) -> None:
    """Start a process in the same group, write its id to `file`, and never end."""
    grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    _put(file, grandchild.pid)
    threading.Event().wait()


def end_orderly_when_asked(file: str) -> None:
    """Wait as a transfer does that saves its state before it ends."""
    with stop_on_sigterm() as stopping:
        _put(file, os.getpid())
        while not stopping.is_set():
            time.sleep(0.02)
    print("saved", flush=True)  # noqa: T201


def _put(file: str, number: int) -> None:
    draft = Path(file + ".draft")
    draft.write_text(str(number))
    draft.rename(file)


def _report(job_id: str, attempt: int) -> None:
    with session_factory(open_database(settings().url))() as session:
        job_queue.record_progress(session, job_id, attempt, Progress("working", 0.5))
        session.commit()
