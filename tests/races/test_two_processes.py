"""Writers and followers of one run on two server processes that share a store (events.md E23 1, 8, 9, 17)."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.plugins.store_redis.valkey import Valkey
from tests.races.following import LAST, follow, follow_in_pieces
from tests.races.server_process import on_redis, on_sqlite, server_process
from tests.races.work import NOTE, answer, append, ask, log_of, started
from tests.replicas import shared_valkey as shared_valkey  # a fixture

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

APPENDERS = 32
EVENTS_EACH = 20
ANSWERERS = 8
QUESTIONS = 6
APPENDS = 10
FOLLOWERS = 4
"""Of each sort: that many stay at each server, that many come and go at both."""


async def write(client: httpx.AsyncClient, run_id: str, writer: int) -> dict[int, str]:
    """The events that a server acknowledged to this writer: their ids by their numbers."""
    ids = [f"writer {writer} event {number}" for number in range(EVENTS_EACH)]
    return {await append(client, run_id, NOTE, id_): id_ for id_ in ids}


async def ask_all(clients: Sequence[httpx.AsyncClient], run_id: str) -> list[list[int]]:
    """What everybody was told who answered a question, question by question."""
    told = []
    for number in range(QUESTIONS):
        question_id = f"q-{number}"
        await ask(clients[number % 2], run_id, question_id)
        told.append(await asyncio.gather(*(answer(clients[n % 2], run_id, question_id) for n in range(ANSWERERS))))
    return told


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The settings of a store that the servers share."""
    if request.param == "sqlite":
        return on_sqlite(tmp_path / "fabro.db")
    valkey: Valkey = request.getfixturevalue("shared_valkey")
    return on_redis(valkey.url, prefix=tmp_path.name)


async def test_appends_and_answers_at_two_servers_are_each_seen_once_and_in_order(tmp_path: Path, store: str) -> None:
    async with AsyncExitStack() as stack:
        servers = [stack.enter_context(server_process(tmp_path / name, store)) for name in ("here", "there")]
        clients = [await stack.enter_async_context(server.client()) for server in servers]
        run_id = await started(clients[0])
        steady = [follow(client, run_id) for client in clients for _ in range(FOLLOWERS)]
        hopping = [follow_in_pieces(clients, run_id, random.Random(n)) for n in range(FOLLOWERS)]
        following = asyncio.gather(*steady, *hopping)

        writing = asyncio.gather(*(write(clients[n % 2], run_id, n) for n in range(APPENDERS)))
        told = await ask_all(clients, run_id)
        written = await writing
        await append(clients[1], run_id, LAST)
        followed = await following
        logs = [await log_of(client, run_id) for client in clients]

        assert [server.stop() for server in servers] == [0, 0]

    log = logs[0]
    assert logs[1] == log
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1)), "the sequence is dense"
    acknowledged = {seq: id_ for each in written for seq, id_ in each.items()}
    assert len(acknowledged) == APPENDERS * EVENTS_EACH, "no number was given twice"
    assert {event["seq"]: event["id"] for event in log if event["event"] == NOTE} == acknowledged
    for each in written:
        assert list(each) == sorted(each), "what one writer appended keeps its order"

    assert [sorted(statuses) for statuses in told] == [[204, *[409] * (ANSWERERS - 1)]] * QUESTIONS
    answered = [event["properties"]["question_id"] for event in log if event["event"] == "interview.completed"]
    assert answered == [f"q-{number}" for number in range(QUESTIONS)]
    assert [event["event"] for event in log].count("run.unblocked") == QUESTIONS
    after = [second["event"] for first, second in pairwise(log) if first["event"] == "interview.completed"]
    assert after == ["run.unblocked"] * QUESTIONS, "an answer and what follows from it are one batch"

    for frames in followed:
        assert [frame.id for frame in frames] == [event["seq"] for event in log]
        assert [json.loads(frame.data) for frame in frames] == log


async def test_an_event_appended_at_one_server_is_soon_on_the_streams_of_the_other(tmp_path: Path, store: str) -> None:
    took: list[float] = []
    async with AsyncExitStack() as stack:
        servers = [stack.enter_context(server_process(tmp_path / name, store)) for name in ("here", "there")]
        here, there = [await stack.enter_async_context(server.client()) for server in servers]
        run_id = await started(here)
        for path in (f"/api/v1/runs/{run_id}/attach", f"/api/v1/attach?run_id={run_id}"):
            stream = await stack.enter_async_context(there.stream("GET", path))
            lines = stream.aiter_lines()
            for number in range(APPENDS):
                id_ = f"{path} {number}"
                sent = time.monotonic()
                await append(here, run_id, NOTE, id_)
                async for line in lines:
                    if f'"id":"{id_}"' in line:
                        break
                took.append(time.monotonic() - sent)

    assert statistics.median(took) < 1, "the followers of other servers are told within a second"
