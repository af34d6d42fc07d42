"""What a server acknowledged is there after kill -9 (server.md S27): real processes, real sockets, a real file."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import manifest
from tests.races.server_process import ServerProcess, on_sqlite, server_process
from tests.races.work import NOTE, answer, append, ask, log_of, started

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

WRITERS = 8
KILLED_AFTER = 60

KILLS = 20
APPENDERS = 6
ANSWERERS = 3
MOST_ACKNOWLEDGED = 60
"""Appends and answers between a start and the kill, at most."""

Act = Callable[[], Awaitable[None]]


async def create(client: httpx.AsyncClient, **changes: Any) -> str:
    answer = await client.post("/api/v1/runs", content=json.dumps(manifest(**changes)))
    assert answer.status_code == 201, answer.text
    created: str = answer.json()["id"]
    return created


async def every_run(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    while True:
        page = (await client.get(f"/api/v1/runs?page[limit]=50&page[offset]={len(runs)}")).json()
        runs += page["data"]
        if not page["meta"]["has_more"]:
            assert page["meta"]["total"] == len(runs)
            return runs


async def test_every_acknowledged_run_survives_kill_9_and_the_counts_agree(tmp_path: Path) -> None:
    home, database = tmp_path / "home", tmp_path / "fabro.db"
    acknowledged: list[str] = []
    with server_process(home, on_sqlite(database)) as server:
        async with server.client() as client:
            parent = await create(client)

            async def write_until_the_server_dies() -> None:
                with suppress(httpx.TransportError):
                    while True:
                        acknowledged.append(await create(client, parent_id=parent))
                        if len(acknowledged) == KILLED_AFTER:
                            server.kill()

            await asyncio.gather(*(write_until_the_server_dies() for _ in range(WRITERS)))

    with server_process(home, on_sqlite(database)) as server:
        async with server.client() as client:
            assert (await client.get("/health/ready")).status_code == 200
            runs = {run["id"]: run for run in await every_run(client)}
            children = runs.keys() - {parent}
            assert set(acknowledged) <= children
            assert len(children) <= len(acknowledged) + WRITERS
            assert runs[parent]["children_count"] == len(children)
            assert {run["lifecycle"]["status"]["kind"] for run in runs.values()} == {"submitted"}
            for run_id in acknowledged[-WRITERS:]:
                assert (await client.get(f"/api/v1/runs/{run_id}")).json() == runs[run_id]
                assert (await client.post(f"/api/v1/runs/{run_id}/cancel")).status_code == 200
        assert server.stop() == 0


@dataclass
class Acknowledged:
    """What clients were told has been written."""

    notes: dict[int, str] = field(default_factory=dict)
    """The ids of events of the run that is written to, by their numbers."""
    answers: dict[str, list[str]] = field(default_factory=dict)
    """The questions that were answered, by run."""

    def __len__(self) -> int:
        return len(self.notes) + sum(map(len, self.answers.values()))


class Crowd:
    """Those who append to one run and those who each ask and answer on a run of their own, across all restarts."""

    def __init__(self, written_to: str, asked_on: list[str]) -> None:
        self.written_to = written_to
        self.asked_on = asked_on
        self.acknowledged = Acknowledged(answers={run_id: [] for run_id in asked_on})
        self._number = 0

    async def work_until_killed(self, server: ServerProcess, client: httpx.AsyncClient, *, after: int) -> None:
        """Work on everything at once; the server is killed once it has acknowledged `after` things from now on."""
        enough = len(self.acknowledged) + after

        async def again_and_again(act: Act) -> None:
            with suppress(httpx.TransportError):
                while True:
                    await act()
                    if len(self.acknowledged) >= enough:
                        server.kill()

        acts = [self._append_to(client)] * APPENDERS + [self._ask_on(client, run_id) for run_id in self.asked_on]
        await asyncio.gather(*map(again_and_again, acts))

    def _append_to(self, client: httpx.AsyncClient) -> Act:
        async def act() -> None:
            id_ = f"note {self._next()}"
            self.acknowledged.notes[await append(client, self.written_to, NOTE, id_)] = id_

        return act

    def _ask_on(self, client: httpx.AsyncClient, run_id: str) -> Act:
        async def act() -> None:
            question_id = f"q-{self._next()}"
            await ask(client, run_id, question_id)
            assert await answer(client, run_id, question_id) == 204
            self.acknowledged.answers[run_id].append(question_id)

        return act

    def _next(self) -> int:
        self._number += 1
        return self._number


async def assert_nothing_is_missing(client: httpx.AsyncClient, crowd: Crowd) -> None:
    log = await log_of(client, crowd.written_to)
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1)), "the sequence is dense"
    ids = {event["seq"]: event["id"] for event in log}
    assert crowd.acknowledged.notes.items() <= ids.items()
    for run_id in crowd.asked_on:
        log = await log_of(client, run_id)
        assert [event["seq"] for event in log] == list(range(1, len(log) + 1)), "the sequence is dense"
        completed = [event for event in log if event["event"] == "interview.completed"]
        answered = [event["properties"]["question_id"] for event in completed]
        assert set(crowd.acknowledged.answers[run_id]) <= set(answered)
        follows = {first["seq"]: second["event"] for first, second in pairwise(log)}
        assert {follows.get(event["seq"]) for event in completed} <= {"run.unblocked"}, "both events or none"
        assert (await client.get(f"/api/v1/runs/{run_id}")).json()["timestamps"]["last_event_at"] == log[-1]["ts"]


async def finish_what_was_asked(client: httpx.AsyncClient, crowd: Crowd) -> None:
    """Answer what waits for an answer since the server died, so that the next answer is again the last one."""
    for run_id in crowd.asked_on:
        for question in (await client.get(f"/api/v1/runs/{run_id}/questions")).json()["data"]:
            run = (await client.get(f"/api/v1/runs/{run_id}")).json()
            if run["lifecycle"]["status"]["kind"] == "running":
                await append(client, run_id, "run.blocked")
            assert await answer(client, run_id, question["id"]) == 204
            crowd.acknowledged.answers[run_id].append(question["id"])


async def test_twenty_kills_amid_appends_lose_nothing_acknowledged_and_leave_no_half_of_a_batch(tmp_path: Path) -> None:
    home, database = tmp_path / "home", tmp_path / "fabro.db"
    chance = random.Random(20)
    with server_process(home, on_sqlite(database)) as server:
        async with server.client() as client:
            crowd = Crowd(await started(client), [await started(client) for _ in range(ANSWERERS)])
            assert server.stop() == 0

    for _ in range(KILLS):
        with server_process(home, on_sqlite(database)) as server:
            async with server.client() as client:
                await assert_nothing_is_missing(client, crowd)
                await finish_what_was_asked(client, crowd)
                await crowd.work_until_killed(server, client, after=chance.randint(1, MOST_ACKNOWLEDGED))

    with server_process(home, on_sqlite(database)) as server:
        async with server.client() as client:
            await assert_nothing_is_missing(client, crowd)
            assert server.stop() == 0
    assert all(crowd.acknowledged.answers.values()), "every run was asked, and answered"
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
