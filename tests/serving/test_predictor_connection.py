"""The API's end of the socket, with the test at the other one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.errors.predictions import PredictorStopped
from app.serving.messages import (
    CancelRequest,
    Done,
    FrameReader,
    StateRequest,
    UnloadRequest,
    encode_frame,
    read_frames,
)
from app.serving.predictor import Connection


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    api_end, predictor_end = socket.socketpair()
    api_end.setblocking(False)
    predictor_end.settimeout(20)
    yield api_end, predictor_end
    predictor_end.close()


def test_replies_reach_their_requests_in_whatever_order_they_come(ends):
    async def scenario() -> list[Any]:
        connection = await _connected(ends[0])
        requests = [asyncio.create_task(connection.ask(UnloadRequest(name))) for name in ("a", "b")]
        await asyncio.sleep(0)
        received = read_frames(ends[1])
        numbers = {message.model_id: number for number, message in (next(received), next(received))}
        ends[1].sendall(encode_frame([(numbers["b"], Done(False)), (numbers["a"], Done(True))]))
        answers = await asyncio.gather(*requests)
        connection.close()
        return answers

    assert asyncio.run(scenario()) == [Done(True), Done(False)]


def test_what_is_cancelled_is_dropped_at_the_other_end(ends):
    async def scenario() -> tuple[Any, Any]:
        connection = await _connected(ends[0])
        requests = asyncio.create_task(connection.ask(StateRequest()))
        await asyncio.sleep(0)
        requests.cancel()
        with pytest.raises(asyncio.CancelledError):
            await requests
        received = read_frames(ends[1])
        found = next(received), next(received)
        connection.close()
        return found

    (number, requests), (_, dropped) = asyncio.run(scenario())

    assert requests == StateRequest()
    assert dropped == CancelRequest(number)


def test_all_that_wait_hear_when_the_other_end_is_gone(ends):
    async def scenario() -> None:
        connection = await _connected(ends[0])
        requests = [asyncio.create_task(connection.ask(StateRequest())) for _ in range(3)]
        await asyncio.sleep(0)
        ends[1].close()
        answers = await asyncio.gather(*requests, return_exceptions=True)
        assert [type(one) for one in answers] == [PredictorStopped] * 3
        with pytest.raises(PredictorStopped):
            await connection.ask(StateRequest())

    asyncio.run(scenario())


def test_frames_are_whole_however_their_bytes_come():
    sent = [{"number": number, "text": "x" * number * 100} for number in range(20)]
    stream = b"".join(map(encode_frame, sent))
    reader = FrameReader()

    chunks = [stream[at : at + 7] for at in range(0, len(stream), 7)]
    assert [one for chunk in chunks for one in reader.feed(chunk)] == sent
    assert list(FrameReader().feed(stream)) == sent


async def _connected(end: socket.socket) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(SimpleNamespace()),  # type: ignore[arg-type]
        sock=end,
    )
    return connection
