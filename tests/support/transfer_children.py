"""What the children of the worker's tests do in place of a real transfer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from app.domain.transfers import Progress
from app.services.context import open_context
from app.services.running.reporter import Reporter
from app.services.running.stopping import stopping_by_signal
from app.settings import settings
from app.store import leases, transfers
from app.store.database import open_database, session_factory


def succeed(transfer_id: str, attempt: int) -> None:
    """Record success and end."""
    with session_factory(open_database(settings().url))() as session:
        leases.succeed(session, transfer_id, attempt, "mdl_made", {"summary": "done"})
        session.commit()


def work_for_ever(transfer_id: str, attempt: int) -> None:
    """Report a phase, then never end."""
    _report(transfer_id, attempt)
    threading.Event().wait()


def ignore_the_gentle_way(transfer_id: str, attempt: int) -> None:
    """Never end, not on SIGTERM either."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _report(transfer_id, attempt)
    while True:
        signal.pause()


def succeed_on_the_second_attempt(transfer_id: str, attempt: int) -> None:
    """The first attempt never ends; the second does at once."""
    if attempt == 1:
        work_for_ever(transfer_id, attempt)
    succeed(transfer_id, attempt)


def exit_with_three_if_poisoned(transfer_id: str, attempt: int) -> None:
    """End one transfer without recording anything, and any other with success."""
    if transfer_id == (settings().data_dir / "poison").read_text():
        os._exit(3)
    succeed(transfer_id, attempt)


def be_killed_at_first(transfer_id: str, attempt: int) -> None:
    """End as the system ends a process that took too much memory; succeed when tried again."""
    if attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    succeed(transfer_id, attempt)


def save_before_the_end(transfer_id: str, attempt: int) -> None:
    """Work until the gentle way comes, and then save something before the end."""
    with stopping_by_signal() as stopping:
        _report(transfer_id, attempt)
        while not stopping.asked():
            signal.pause()
    saved = settings().data_dir / "saved"
    saved.write_text(f"{transfer_id}-{attempt}")


def succeed_when_told(transfer_id: str, attempt: int) -> None:
    """Report progress again and again, as training does, until a file says that it is done."""
    context = open_context(settings())
    with context.readers() as session:
        transfer = transfers.get(session, transfer_id)
    assert transfer is not None
    reporter = Reporter(context, transfer)
    while not (settings().data_dir / "done").exists():
        reporter.event("check")
        time.sleep(0.05)
    succeed(transfer_id, attempt)


def work_until_all_are_there(transfer_id: str, attempt: int) -> None:
    """Succeed as soon as two children are at work at the same time."""
    folder = settings().data_dir / "at-work"
    folder.mkdir(exist_ok=True)
    (folder / transfer_id).write_text(os.environ.get("OMP_NUM_THREADS", ""))
    while len(list(folder.iterdir())) < 2:
        time.sleep(0.02)
    succeed(transfer_id, attempt)


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
    with stopping_by_signal() as stopping:
        _put(file, os.getpid())
        while not stopping.asked():
            time.sleep(0.02)
    print("saved", flush=True)  # noqa: T201


def _put(file: str, number: int) -> None:
    draft = Path(file + ".draft")
    draft.write_text(str(number))
    draft.rename(file)


def _report(transfer_id: str, attempt: int) -> None:
    with session_factory(open_database(settings().url))() as session:
        leases.record_progress(session, transfer_id, attempt, Progress("working", 0.5))
        session.commit()
