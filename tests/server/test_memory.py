"""What clients may make a server process keep: measured before and after (server.md S10)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.races.server_process import TOKEN, ServerProcess, on_sqlite, server_process
from tests.races.work import NOTE, append, started

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc"),
]

FOLLOWERS = 200
EVENTS = 12
EVENT_BYTES = 1_900_000

MIB = 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with server_process(tmp_path / "home", on_sqlite(tmp_path / "fabro.db")) as server:
        yield server


def follower(server: ServerProcess, run_id: str) -> socket.socket:
    """Somebody who follows a run from its beginning and reads nothing but the head of the answer."""
    connection = socket.create_connection((server.host, server.port), timeout=20)
    connection.sendall(
        f"GET /api/v1/runs/{run_id}/attach HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


async def test_silent_followers_of_large_events_cost_no_copies(server: ServerProcess) -> None:
    async with server.client() as client:
        run_id = await started(client)
        await append(client, run_id, NOTE, "first", text="x" * EVENT_BYTES)
        with ExitStack() as stack:
            for _ in range(FOLLOWERS):
                stack.enter_context(follower(server, run_id))
            before = server.resident_kib
            for number in range(EVENTS):
                await append(client, run_id, NOTE, str(number), text="x" * EVENT_BYTES)
            assert (await client.get("/health")).status_code == 200
            grown = server.resident_kib - before

    print("grown", grown / 1024, "before", before / 1024)
    assert grown < 64 * MIB
