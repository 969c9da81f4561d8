"""What the local engine promises beyond the contract: the whole process group."""

from __future__ import annotations

import os
from pathlib import Path

from app.engines.local import LocalEngine
from tests.support.job_specs import a_job_spec, lives, pid_in
from tests.support.waiting import wait_for


def test_the_child_leads_a_process_group_of_its_own_which_ends_whole(tmp_path: Path) -> None:
    file = tmp_path / "grandchild"
    running = LocalEngine().start(a_job_spec("leave_a_grandchild", tmp_path, file=str(file)))
    grandchild = pid_in(file)
    try:
        assert running.group != os.getpgrp()
        assert os.getpgid(grandchild) == running.group
    finally:
        running.stop(grace=10)
    wait_for(lambda: not lives(grandchild))
