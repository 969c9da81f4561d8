"""Requests that are sent when they are due."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.serving.open_loop import load, requests_of
from benchmarks.serving.tally import Tally, account
from tests.benchmarks.serving.tiny_server import tiny_server


def test_every_request_is_sent_and_its_answer_counted_by_status() -> None:
    with tiny_server({b"full": 429, b"gone": 0}) as (url, seen):
        requests = requests_of(url, [b"fine", b"full", b"gone", b"fine"], timeout_ms=500)
        tally = asyncio.run(load(url, requests, rate=200, seconds=0.1))
    assert tally.sent == 20
    assert sorted(seen) == sorted([b"fine", b"full", b"gone", b"fine"] * 5)
    assert {status: len(found) for status, found in tally.answers.items()} == {200: 10, 429: 5}
    assert (tally.lost, tally.pending) == (5, 0)


def test_requests_to_nobody_are_lost() -> None:
    with tiny_server() as (url, _):
        pass
    tally = asyncio.run(load(url, requests_of(url, [b"x"], 500), rate=100, seconds=0.05))
    assert (tally.sent, tally.lost, tally.pending) == (5, 5, 0)


def test_an_account_tells_what_came_in_time_from_what_came_too_late() -> None:
    tally = Tally(sent=8, lost=1, lags=[0.0, 0.001])
    for came, took in ((2.0, 0.1), (3.9, 0.2), (3.0, 2.5)):
        tally.answer(200, came, took)
    for took in (0.01, 0.03, 0.08):
        tally.answer(429, 1.0, took)
    told = account(tally, seconds=4, timeout_ms=2000)
    assert (told["in_time_per_second"], told["too_late"]) == (1.0, 1)
    assert (told["refused"], told["refused_within_50_ms"]) == (3, pytest.approx(2 / 3))
    assert told["refused_p50_ms"] == pytest.approx(30)
    assert told["lost"] == 2  # one broken, one without an answer to the end
    assert told["other_statuses"] == {}


def test_an_account_names_statuses_that_are_neither_answer_nor_refusal() -> None:
    tally = Tally(sent=2)
    tally.answer(503, 0.1, 0.1)
    tally.answer(504, 0.1, 0.1)
    told = account(tally, seconds=4, timeout_ms=2000)
    assert told["other_statuses"] == {"503": 1, "504": 1}
    assert told["refused_p99_ms"] is None


def test_goodput_counts_only_what_came_while_the_load_was_on_and_the_queue_full() -> None:
    tally = Tally(sent=4)
    for came in (0.5, 1.5, 2.5, 3.5):
        tally.answer(200, came, 0.2)
    told = account(tally, seconds=3, timeout_ms=1000)
    assert told["in_time_per_second"] == 1.0
    assert told["too_late"] == 0
