"""What clients may make a server process keep: measured before and after (server.md S10)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.plugins.store_redis.valkey import running
from tests.races.server_process import TOKEN, ServerProcess, on_redis, on_sqlite, server_process
from tests.races.work import NOTE, append, started

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc"),
]

FOLLOWERS = 200
EVENTS = 12
EVENT_BYTES = 1_900_000

MIB = 1024


@pytest.fixture(params=["sqlite", "redis"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            store = on_sqlite(tmp_path / "fabro.db")
        else:
            store = on_redis(stack.enter_context(running(tmp_path)).url)
        yield stack.enter_context(server_process(tmp_path / "home", store))


def silent(server: ServerProcess, path: str) -> socket.socket:
    """Somebody who asks for something below `/api/v1/runs` and reads nothing but the head of the answer."""
    connection = socket.create_connection((server.host, server.port), timeout=60)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    connection.sendall(f"GET /api/v1/runs/{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def take(connection: socket.socket, size: int) -> None:
    """Read so many bytes, waiting for them."""
    while size:
        taken = len(connection.recv(size))
        assert taken, "the answer goes on"
        size -= taken


async def logged(client: httpx.AsyncClient) -> tuple[str, int]:
    """A run whose log has large events, and the sequence number of the first of them."""
    run_id = await started(client)
    seqs = [await append(client, run_id, NOTE, str(number), text="x" * EVENT_BYTES) for number in range(EVENTS)]
    return run_id, seqs[0]


async def test_silent_followers_of_large_events_cost_no_copies(server: ServerProcess) -> None:
    async with server.client() as client:
        run_id = await started(client)
        await append(client, run_id, NOTE, "first", text="x" * EVENT_BYTES)
        with ExitStack() as stack:
            for _ in range(FOLLOWERS):
                stack.enter_context(silent(server, f"{run_id}/attach"))
            before = server.resident_kib
            for number in range(EVENTS):
                await append(client, run_id, NOTE, str(number), text="x" * EVENT_BYTES)
            assert (await client.get("/health")).status_code == 200
            grown = server.resident_kib - before

    assert grown < 64 * MIB


@pytest.mark.parametrize("positions", [1, EVENTS], ids=["from one event", "each from another event"])
async def test_silent_followers_of_what_was_logged_long_ago_share_it(server: ServerProcess, positions: int) -> None:
    async with server.client() as client:
        run_id, first = await logged(client)
        before = server.resident_kib
        with ExitStack() as stack:
            followers = [
                stack.enter_context(silent(server, f"{run_id}/attach?since_seq={first + number % positions}"))
                for number in range(FOLLOWERS)
            ]
            for each in followers:
                take(each, 4_096)  # more than the head: the events have been read
            grown = server.resident_kib - before
    assert grown < 64 * MIB


async def test_who_asks_for_a_page_of_large_events_is_answered_one(server: ServerProcess) -> None:
    async with server.client() as client:
        run_id, first = await logged(client)
        before = server.resident_kib
        with ExitStack() as stack:
            readers = [
                stack.enter_context(silent(server, f"{run_id}/events?limit=1000&since_seq={first}"))
                for _ in range(FOLLOWERS)
            ]
            for each in readers:
                take(each, 4_096)  # more than the head: the events have been read
            grown = server.resident_kib - before
    assert grown < FOLLOWERS * 3 * MIB
