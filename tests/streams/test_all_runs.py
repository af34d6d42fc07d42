"""The stream of all runs (events.md E7)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from tests.api.conftest import Server
from tests.streams.client import KEEP_ALIVE, Frame, Reader, attached
from tests.streams.following import error, streams_of
from tests.streams.writing import Writer, begun

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def attach(server: Server, query: str = "", **headers: str) -> AsyncIterator[Reader]:
    given = {"authorization": f"Bearer {server.token}", **headers}
    async with attached(server.app, f"/api/v1/attach{query}", **given) as reader:
        yield reader


def names(frames: list[Frame]) -> list[tuple[str, int]]:
    """Run and number of each event; the number stands in front of the frame, too."""
    events = [json.loads(each.data) for each in frames]
    assert [each.id for each in frames] == [event["seq"] for event in events]
    return [(event["run_id"], event["seq"]) for event in events]


async def test_the_life_of_a_run_that_nobody_executes_is_seen(server: Server) -> None:
    async with attach(server) as reader:
        assert (reader.status, reader.headers["content-type"]) == (200, "text/event-stream")
        run = await server.finished()
        await server.client.patch(f"/api/v1/runs/{run['id']}", json={"title": "Renamed"})
        await server.client.post(f"/api/v1/runs/{run['id']}/archive")
        kinds = await server.log_of(run["id"])
        frames = await reader.frames(len(kinds))
        assert [json.loads(each.data)["event"] for each in frames] == kinds
        assert [kinds[0], *kinds[-2:]] == ["run.created", "run.title.updated", "run.archived"]
        assert names(frames) == [(run["id"], seq) for seq in range(1, len(kinds) + 1)]


async def test_what_was_appended_before_is_not_replayed(server: Server) -> None:
    old = await begun(server.store, events=7)
    async with attach(server, "?since_seq=1", last_event_id="1") as reader:
        await old.append("note")
        new = await begun(server.store, number=1, events=2)
        assert names(await reader.frames(3)) == [(old.id, 8), (new.id, 1), (new.id, 2)]


async def test_a_filter_lets_only_the_listed_runs_through(server: Server) -> None:
    runs = [await begun(server.store, number) for number in range(4)]
    listed = f"?run_id=,{runs[1].id.lower()},%20,{runs[3].id},01KJQ0QEPA7V9X1B2C4D6F8G0H"
    async with attach(server, listed) as reader:
        for _ in range(3):
            for run in runs:
                await run.append("note")
        assert sorted(names(await reader.frames(6))) == [(run.id, seq) for run in runs[1::2] for seq in (2, 3, 4)]
        assert reader.blocks == []


@pytest.mark.parametrize("query", ["?run_id=", "?run_id=,%20,", ""])
async def test_a_blank_filter_is_none(server: Server, query: str) -> None:
    async with attach(server, query) as reader:
        run = await begun(server.store)
        assert names(await reader.frames(1)) == [(run.id, 1)]


@pytest.mark.parametrize("query", ["?run_id=nope", "?run_id=01KJQ0QEPA7V9X1B2C4D6F8G0H,nope", "?run_id=a&run_id=b"])
async def test_a_filter_that_names_no_run_id_is_400(server: Server, query: str) -> None:
    async with attach(server, query) as reader:
        assert error(reader) == (400, None)


async def test_it_needs_credentials(server: Server) -> None:
    async with attached(server.app, "/api/v1/attach?run_id=nope") as reader:
        assert error(reader) == (401, None)


async def test_many_runs_at_once_are_each_seen_in_order_without_gaps(server: Server) -> None:
    runs = [Writer(server.store, number) for number in range(12)]
    async with attach(server) as reader:
        writing = asyncio.gather(*(run.append_many(40, batch=1 + n % 4) for n, run in enumerate(runs)))
        expected = {run.id: list(range(1, 1 + (40 // (1 + n % 4)) * (1 + n % 4))) for n, run in enumerate(runs)}
        seen: dict[str, list[int]] = {}
        for run_id, seq in names(await reader.frames(sum(map(len, expected.values())))):
            seen.setdefault(run_id, []).append(seq)
        assert seen == expected
        await writing


async def test_a_reader_that_stalled_is_continued_from_the_log(server: Server) -> None:
    runs = [await begun(server.store, number) for number in range(3)]
    async with attach(server) as reader:
        reader.stall()
        for _ in range(20):
            for run in runs:
                await run.append(*["note"] * 20, size=1_000)
        reader.read_on()
        seen = names(await reader.frames(3 * 400))
        for run in runs:
            assert [seq for run_id, seq in seen if run_id == run.id] == list(range(2, 402))


async def test_it_outlives_the_end_of_runs_and_their_deletion(server: Server) -> None:
    first = await begun(server.store)
    async with attach(server) as reader:
        await first.append("run.completed", status="succeeded")
        assert names(await reader.frames(1)) == [(first.id, 2)]
        await server.store.delete_run(first.id)
        second = await begun(server.store, number=1)
        assert names(await reader.frames(1)) == [(second.id, 1)]


async def test_it_is_kept_alive_and_drained(server: Server) -> None:
    async with attach(server) as reader:
        server.clock.advance(timedelta(seconds=15))
        streams_of(server).sweep()
        assert await reader.block() == KEEP_ALIVE
        server.app.drain()
        assert await reader.rest() == []
