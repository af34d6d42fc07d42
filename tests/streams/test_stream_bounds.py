"""How long streams last, how often they speak, and how many there may be (events.md E6, server.md S10)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Server
from tests.streams.client import KEEP_ALIVE, attached
from tests.streams.following import attach, credentials, error, path_of, streams_of
from tests.streams.writing import begun

pytestmark = pytest.mark.anyio


async def test_silence_is_broken_every_15_seconds(server: Server) -> None:
    run = await begun(server.store)
    streams = streams_of(server)
    async with attach(server, run.id) as reader:
        for _ in range(3):
            server.clock.advance(timedelta(seconds=14))
            streams.sweep()
            await asyncio.sleep(0)
            assert reader.blocks == []
            server.clock.advance(timedelta(seconds=1))
            streams.sweep()
            assert await reader.block() == KEEP_ALIVE


async def test_an_event_puts_the_keep_alive_off(server: Server) -> None:
    run = await begun(server.store)
    streams = streams_of(server)
    async with attach(server, run.id) as reader:
        server.clock.advance(timedelta(seconds=10))
        streams.sweep()
        await run.append("note")
        assert (await reader.frame()).id == 2
        server.clock.advance(timedelta(seconds=14))
        streams.sweep()
        await asyncio.sleep(0)
        assert reader.blocks == []
        server.clock.advance(timedelta(seconds=1))
        streams.sweep()
        assert await reader.block() == KEEP_ALIVE


async def test_a_clock_that_is_set_back_does_not_silence_a_stream(server: Server) -> None:
    run = await begun(server.store)
    streams = streams_of(server)
    async with attach(server, run.id) as reader:
        server.clock.advance(timedelta(hours=-1))
        streams.sweep()
        server.clock.advance(timedelta(seconds=15))
        streams.sweep()
        assert await reader.block() == KEEP_ALIVE


async def test_a_client_that_takes_nothing_for_a_minute_is_given_up(server: Server) -> None:
    run = await begun(server.store)
    streams = streams_of(server)
    async with attach(server, run.id) as silent, attach(server, run.id) as other:
        silent.stall()
        await run.append("note")
        assert (await other.frame()).id == 2
        server.clock.advance(timedelta(seconds=59))
        streams.sweep()
        assert await other.block() == KEEP_ALIVE
        assert not silent.has_ended
        server.clock.advance(timedelta(seconds=1))
        streams.sweep()
        await silent.ended()
        assert not silent.complete
        await run.append("note")
        assert (await other.frame()).id == 3


async def test_a_client_that_takes_a_piece_in_time_is_not_given_up(server: Server) -> None:
    run = await begun(server.store)
    streams = streams_of(server)
    async with attach(server, run.id) as slow:
        for number in range(2, 5):
            slow.stall()
            await run.append("note")
            await asyncio.sleep(0)
            server.clock.advance(timedelta(seconds=40))
            streams.sweep()
            slow.read_on()
            assert (await slow.frame()).id == number


class TestSeveralStreams:
    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {"server": {**settings["server"], "limits": {"streams_per_caller": 2}}}

    async def test_a_caller_has_so_many(self, server: Server) -> None:
        run = await begun(server.store)
        async with attach(server, run.id), attached(server.app, "/api/v1/attach", **credentials(server)):
            for path in (path_of(run.id), "/api/v1/attach"):
                async with attached(server.app, path, **credentials(server)) as refused:
                    await refused.ended()
                    assert error(refused) == (429, "rate_limited")
                    assert refused.headers["retry-after"] == "5"
        async with attach(server, run.id) as reader:
            assert reader.status == 200

    async def test_workers_of_a_run_are_another_caller(self, server: Server) -> None:
        run_id = (await server.create())["id"]
        token = (await server.client.post(f"/api/v1/runs/{run_id}/worker-token")).json()["token"]
        async with attach(server, run_id), attach(server, run_id), attach(server, run_id) as refused:
            assert refused.status == 429
            async with attach(server, run_id, authorization=f"Bearer {token}") as worker:
                assert worker.status == 200


class TestLimitedLifetime:
    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {"server": {**settings["server"], "limits": {"sse_max_seconds": 60}}}

    async def test_a_stream_ends_when_it_has_lasted_long_enough(self, server: Server) -> None:
        run = await begun(server.store)
        streams = streams_of(server)
        async with attach(server, run.id) as first:
            server.clock.advance(timedelta(seconds=10))
            streams.sweep()
            async with attach(server, run.id) as second:
                server.clock.advance(timedelta(seconds=50))
                streams.sweep()
                await first.ended()
                assert (first.complete, second.complete) == (True, False)
                server.clock.advance(timedelta(seconds=10))
                streams.sweep()
                await second.ended()
                assert second.complete
