"""The stream of one run (events.md E6)."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest

from fabro_core.runs.follow.frames import CHUNK_BYTES
from tests.api.conftest import Server
from tests.streams.client import attached
from tests.streams.following import attach, error, ids, path_of
from tests.streams.writing import Writer, begun

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"


# -- frames and headers ---------------------------------------------------------------------------------------------


async def test_a_frame_is_the_number_and_the_envelope_on_one_line_each(server: Server) -> None:
    run = await begun(server.store, events=2)
    async with attach(server, run.id, "?since_seq=2") as reader:
        await reader.frame()
        assert reader.chunks == [b"id: 2\ndata: " + run.body(2) + b"\n\n"]


async def test_an_envelope_with_line_breaks_between_tokens_stays_on_one_line(server: Server) -> None:
    run = Writer(server.store)
    run.body = lambda seq, kind="", size=0: b'{"seq":1,\r\n "properties":{\n}}'  # type: ignore[method-assign]  # as posted
    await run.append("run.created")
    async with attach(server, run.id, "?since_seq=1") as reader:
        frame = await reader.frame()
    assert json.loads(frame.data) == {"seq": 1, "properties": {}}


async def test_the_headers_are_those_of_a_stream_and_of_every_response(server: Server) -> None:
    run = await begun(server.store)
    async with attach(server, run.id, accept_encoding="gzip") as reader:
        assert reader.status == 200
        assert reader.headers["content-type"] == "text/event-stream"
        assert reader.headers["cache-control"] == "no-cache"
        assert reader.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in reader.headers
        assert "content-length" not in reader.headers
        assert len(reader.headers["x-request-id"]) == 36
        assert reader.headers["x-content-type-options"] == "nosniff"


async def test_the_access_log_has_its_line_when_the_stream_ends(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    run = await begun(server.store)
    caplog.set_level("INFO", logger="fabro.access")
    async with attach(server, run.id):
        assert caplog.records == []
    (record,) = caplog.records
    fields: dict[str, Any] = vars(record)["fabro"]
    assert (fields["path"], fields["status"], fields["login"]) == (path_of(run.id), 200, "dev")


# -- where it starts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "header", "first"),
    [
        ("?since_seq=0", None, 1),
        ("?since_seq=1", None, 1),
        ("?since_seq=4", None, 4),
        ("", "0", 1),
        ("", "3", 4),
        ("?since_seq=2", "4", 2),
        ("?since_seq=2", "not a number", 2),
        ("?since_seq=2&other=1", None, 2),
    ],
)
async def test_a_cursor_says_which_event_comes_first(
    server: Server, query: str, header: str | None, first: int
) -> None:
    run = await begun(server.store, events=5)
    headers = {} if header is None else {"last_event_id": header}
    async with attach(server, run.id, query, **headers) as reader:
        assert ids(await reader.frames(6 - first)) == list(range(first, 6))
        await run.append("note")
        assert (await reader.frame()).id == 6


@pytest.mark.parametrize("headers", [{}, {"last_event_id": ""}, {"last_event_id": " "}])
async def test_without_a_cursor_only_what_is_new_comes(server: Server, headers: dict[str, str]) -> None:
    run = await begun(server.store, events=5)
    async with attach(server, run.id, **headers) as reader:
        await run.append("note")
        assert (await reader.frame()).id == 6


async def test_a_cursor_past_the_end_of_a_live_run_waits_for_its_event(server: Server) -> None:
    run = await begun(server.store, events=2)
    async with attach(server, run.id, "?since_seq=5") as reader:
        await run.append_many(4)
        assert (await reader.frame()).id == 5


@pytest.mark.parametrize("query", ["?since_seq=-1", "?since_seq=x", "?since_seq=", "?since_seq=1&since_seq=1"])
async def test_a_cursor_in_the_query_that_is_no_number_is_400(server: Server, query: str) -> None:
    run = await begun(server.store)
    async with attach(server, run.id, query) as reader:
        assert error(reader) == (400, None)


@pytest.mark.parametrize("value", ["-1", "x", "1.0", "٣", "4294967296"])
async def test_a_header_that_is_no_number_is_400(server: Server, value: str) -> None:
    run = await begun(server.store)
    async with attach(server, run.id, last_event_id=value) as reader:
        assert error(reader) == (400, None)


async def test_refusals_come_in_their_order_before_any_byte_of_the_stream(server: Server) -> None:
    ended = await begun(server.store)
    await ended.append("run.completed", status="succeeded")
    async with attached(server.app, path_of("nope") + "?since_seq=x") as reader:
        assert error(reader) == (401, None)
    async with attach(server, UNKNOWN, "?since_seq=x") as reader:
        assert error(reader) == (400, None)
    async with attach(server, "nope") as reader:
        assert error(reader) == (400, None)
    async with attach(server, UNKNOWN, "?since_seq=1") as reader:
        assert error(reader) == (404, None)
    async with attach(server, ended.id, "?since_seq=x") as reader:
        assert error(reader) == (400, None)
    async with attach(server, ended.id) as reader:
        assert error(reader) == (410, "stream_closed")
        assert reader.headers["content-type"] == "application/json"


async def test_head_of_a_stream_is_405_before_credentials_are_looked_at(server: Server) -> None:
    for path in (path_of(UNKNOWN), "/api/v1/attach"):
        answer = await server.anonymous.head(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, OPTIONS")
        options = await server.anonymous.options(path)
        assert (options.status_code, options.headers["allow"]) == (204, "GET, OPTIONS")


# -- live -----------------------------------------------------------------------------------------------------------


async def test_events_come_as_they_are_appended(server: Server) -> None:
    run = await begun(server.store)
    async with attach(server, run.id) as reader:
        for seq in range(2, 12):
            await run.append("note")
            assert (await reader.frame()).id == seq


async def test_nothing_is_lost_or_repeated_when_events_are_appended_during_the_replay(server: Server) -> None:
    run = await begun(server.store, events=300)
    writing = asyncio.ensure_future(run.append_many(300))
    async with attach(server, run.id, "?since_seq=1") as reader:
        assert ids(await reader.frames(600)) == list(range(1, 601))
    await writing


async def test_a_run_of_5000_events_is_replayed_whole_and_ends(server: Server) -> None:
    run = await begun(server.store, events=2_500)
    await run.append(*["note"] * 2_499, "run.completed", status="succeeded")
    async with attach(server, run.id, "?since_seq=1") as reader:
        assert ids(await reader.rest()) == list(range(1, 5_001))


async def test_large_events_are_handed_out_in_pieces(server: Server) -> None:
    run = await begun(server.store)
    for _ in range(20):
        await run.append("note", "note", size=50_000)
    async with attach(server, run.id, "?since_seq=1") as reader:
        assert ids(await reader.frames(41)) == list(range(1, 42))
        assert max(map(len, reader.chunks)) < 2_000_000


async def test_a_very_large_event_is_handed_out_in_pieces(server: Server) -> None:
    run = await begun(server.store)
    await run.append("note", size=1_900_000)
    async with attach(server, run.id, "?since_seq=1") as reader:
        frames = await reader.frames(2)
    assert frames[1].data == run.body(2, size=1_900_000).decode()
    assert max(map(len, reader.chunks)) <= CHUNK_BYTES


async def test_a_thousand_followers_get_the_same_bytes(server: Server) -> None:
    run = await begun(server.store)
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(attach(server, run.id)) for _ in range(1_000)]
        await run.append_many(5)
        for reader in readers:
            assert ids(await reader.frames(5)) == [2, 3, 4, 5, 6]
        assert len({id(chunk) for reader in readers for chunk in reader.chunks}) < 50, "encoded and joined once"


# -- the end --------------------------------------------------------------------------------------------------------


async def test_the_stream_ends_after_the_event_that_ends_the_run(server: Server) -> None:
    run = await begun(server.store)
    async with attach(server, run.id) as reader:
        await run.append("note")
        await run.append("run.completed", status="succeeded")
        assert ids(await reader.rest()) == [2, 3]


async def test_a_finished_run_is_replayed_with_what_followed_its_end(server: Server) -> None:
    run = await server.finished()
    await server.client.post(f"/api/v1/runs/{run['id']}/archive")
    kinds = await server.log_of(run["id"])
    assert kinds[-1] == "run.archived"
    async with attach(server, run["id"], "?since_seq=1") as reader:
        assert ids(await reader.rest()) == list(range(1, len(kinds) + 1))
    async with attach(server, run["id"], f"?since_seq={len(kinds) + 1}") as reader:
        assert error(reader) == (410, "stream_closed")


async def test_a_failure_that_was_followed_by_a_resume_does_not_end_the_replay(server: Server) -> None:
    run = await begun(server.store)
    await run.append("run.failed", status="failed")
    await run.append("run.start_requested", status="submitted")
    async with attach(server, run.id, "?since_seq=1") as reader:
        assert ids(await reader.frames(3)) == [1, 2, 3]
        await run.append("run.running")
        assert (await reader.frame()).id == 4
        await run.append("run.failed", status="failed")
        assert ids(await reader.rest()) == [5]


async def test_a_deleted_run_ends_its_streams(server: Server) -> None:
    run = await server.create()
    async with attach(server, run["id"]) as reader:
        assert (await server.client.delete(f"/api/v1/runs/{run['id']}?force=true")).status_code == 204
        await reader.ended()
        assert reader.complete


async def test_a_run_that_says_it_is_being_deleted_ends_its_streams_once_it_is_gone(server: Server) -> None:
    run = await begun(server.store)
    async with attach(server, run.id) as reader:
        await run.append("run.removing", status="removing")
        assert (await reader.frame()).id == 2
        await server.store.delete_run(run.id)
        assert await reader.rest() == []


async def test_a_drain_ends_every_stream_at_once(server: Server) -> None:
    run = await begun(server.store)
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(attach(server, run.id)) for _ in range(100)]
        server.app.drain()
        for reader in readers:
            assert await reader.rest() == []


async def test_a_stream_that_is_opened_during_a_drain_ends_at_once(server: Server) -> None:
    run = await begun(server.store)
    server.app.drain()
    async with attach(server, run.id) as reader:
        assert await reader.rest() == []


async def test_a_drain_does_not_wait_for_a_client_that_reads_nothing(server: Server) -> None:
    run = await begun(server.store)
    async with attach(server, run.id) as reader:
        reader.stall()
        await run.append("note")
        await asyncio.sleep(0)
        server.app.drain()
        await reader.ended()
        assert not reader.complete


async def test_a_client_that_leaves_is_forgotten(server: Server) -> None:
    run = await begun(server.store)
    tasks = asyncio.all_tasks()
    async with attach(server, run.id, "?since_seq=1") as reader, attach(server, run.id) as other:
        await reader.frame()
        reader.leave()
        await reader.ended()
        await run.append("note")
        assert (await other.frame()).id == 2
        assert reader.blocks == []
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks


async def test_a_stalled_reader_hinders_nobody_and_gets_everything_later(server: Server) -> None:
    run = await begun(server.store)
    async with attach(server, run.id) as slow, attach(server, run.id) as quick:
        slow.stall()
        for _ in range(40):
            await run.append(*["note"] * 50, size=500)
        assert ids(await quick.frames(2_000)) == list(range(2, 2_002))
        slow.read_on()
        assert ids(await slow.frames(2_000)) == list(range(2, 2_002))
