"""Clients that leave before they are answered."""

from __future__ import annotations

import logging

import pytest

from tests.support.narrow_service import BODY, PATH, access_lines, ask, halted, sent
from tests.support.waiting import wait_for


def test_the_place_of_a_client_that_leaves_is_free_again(narrow):
    with halted(narrow):
        with sent(narrow):
            wait_for(lambda: narrow.predictor.admission.inputs == 1)
        wait_for(lambda: narrow.predictor.admission.inputs == 0)

    assert ask(narrow).status_code == 200


@pytest.mark.parametrize("body", [BODY, b""], ids=["while it waits", "while it sends"])
def test_a_client_that_leaves_is_one_line_of_the_log_and_no_error(narrow, caplog, body):
    with caplog.at_level(logging.INFO), halted(narrow):
        with sent(narrow, body):
            wait_for(lambda: narrow.predictor.admission.inputs == bool(body))
            settled = ask(narrow, model="nobody")  # what was sent before has been read by now
            assert settled.status_code == 404
        wait_for(lambda: access_lines(caplog, PATH))

    (line,) = access_lines(caplog, PATH)
    assert line.status == 499
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
