"""Memory and descriptors of a server process before and after what strangers and signed-in callers may try.

Each attack is made with many connections at once, which then leave. Afterwards the process has as many descriptors as
before, and about as much memory: what the allocator keeps of the first time serves the second.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.terminal import wait_until
from tests.plugins.store_redis.valkey import Valkey
from tests.races.server_process import TOKEN, ServerProcess, on_redis, on_sqlite, server_process
from tests.races.work import NOTE, append, started
from tests.replicas import shared_valkey as shared_valkey  # a fixture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="both are read from /proc"),
]

CONNECTIONS = 300
OF_THE_STORE = 4
"""Connections that a store may open when there is much to do, and keep."""
KEPT_ONCE_KIB = 64 * 1024
"""What the first time may leave: modules that are imported late, and what the allocator does not give back."""
KEPT_AGAIN_KIB = 8 * 1024
"""What doing all of it again may add."""

CREDENTIALS = f"Authorization: Bearer {TOKEN}\r\n".encode()
KIB_64 = b"x" * 65_536


def descriptors(server: ServerProcess) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def slow_heads(client: socket.socket, number: int, run_id: str) -> None:
    client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nX-Slow: ")
    for _ in range(20):
        client.sendall(b"x")


def idle_connections(client: socket.socket, number: int, run_id: str) -> None:
    """Nothing is sent."""


def half_bodies(client: socket.socket, number: int, run_id: str) -> None:
    client.sendall(
        b"POST /api/v1/runs HTTP/1.1\r\nHost: a\r\n%bContent-Length: 2000000\r\n\r\n%b" % (CREDENTIALS, KIB_64)
    )


def bodies_of_strangers(client: socket.socket, number: int, run_id: str) -> None:
    client.sendall(b"POST /api/v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n%b" % KIB_64)


def heads_without_end(client: socket.socket, number: int, run_id: str) -> None:
    client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nX-Long: %b" % KIB_64)
    assert b" 431 " in client.recv(100)


def paths_and_types_that_fill_caches(client: socket.socket, number: int, run_id: str) -> None:
    path = f"{number:04}".encode().ljust(4_000, b"p")
    accept = f"text/{number:04}".encode().ljust(60_000, b"a")
    client.sendall(b"GET /%b HTTP/1.1\r\nHost: a\r\nAccept: %b\r\n\r\n" % (path, accept))
    assert b" 404 " in client.recv(100)


def requests_in_one_piece(client: socket.socket, number: int, run_id: str) -> None:
    client.sendall(b"GET /api/v1/user HTTP/1.1\r\nHost: a\r\n\r\n" * 200)


def silent_followers(client: socket.socket, number: int, run_id: str) -> None:
    path = f"/api/v1/runs/{run_id}/attach" if number % 2 else "/api/v1/attach"
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n".encode() + CREDENTIALS + b"\r\n")
    assert client.recv(12) == b"HTTP/1.1 200"


ATTACKS: tuple[Callable[[socket.socket, int, str], None], ...] = (
    slow_heads,
    idle_connections,
    half_bodies,
    bodies_of_strangers,
    heads_without_end,
    paths_and_types_that_fill_caches,
    requests_in_one_piece,
    silent_followers,
)


@pytest.fixture(params=["sqlite", "redis"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    if request.param == "sqlite":
        store = on_sqlite(tmp_path / "fabro.db")
    else:
        valkey: Valkey = request.getfixturevalue("shared_valkey")
        store = on_redis(valkey.url, prefix=re.sub(r"\W", "", tmp_path.name))
    with server_process(tmp_path / "home", store) as server:
        yield server


def attack(server: ServerProcess, run_id: str) -> None:
    """Make every attack, one after the other, and wait until the process has let go of it."""
    before = descriptors(server)
    for each in ATTACKS:
        with ExitStack() as stack:
            for number in range(CONNECTIONS):
                client = stack.enter_context(socket.create_connection((server.host, server.port), timeout=30))
                each(client, number, run_id)
            assert descriptors(server) <= before + CONNECTIONS + OF_THE_STORE
        wait_until(lambda: descriptors(server) <= before + OF_THE_STORE)


def test_an_attack_leaves_no_descriptor_and_no_memory(server: ServerProcess) -> None:
    run_id = asyncio.run(_a_run_that_is_followed(server))
    before = server.resident_kib

    attack(server, run_id)
    once = server.resident_kib
    attack(server, run_id)
    again = server.resident_kib

    assert once - before < KEPT_ONCE_KIB
    assert again - once < KEPT_AGAIN_KIB
    assert asyncio.run(_is_healthy(server))


async def _a_run_that_is_followed(server: ServerProcess) -> str:
    async with server.client() as client:
        run_id = await started(client)
        await append(client, run_id, NOTE, text="x" * 100_000)
        assert (await client.get("/api/v1/runs")).status_code == 200
        return run_id


async def _is_healthy(server: ServerProcess) -> bool:
    async with server.client() as client:
        return (await client.get("/health")).content == b'{"status":"ok"}'
