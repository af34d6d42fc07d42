"""Clients that are slow or silent, and what their connections cost (server.md S10)."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Request, get, post
from litestar.response import Stream

from fabro_core.server.connection import Deadlines
from tests.api.conftest import extension
from tests.api.security_headers import check_security_headers
from tests.server.listener import PATIENCE_SECONDS, Answer, Client, Listening, listening

SOON = Deadlines(first_byte=1.0, head=1.0, body=1.0, write=1.0, drain=1.0, farewell=0.3)
"""Far more than a busy machine keeps a client in time waiting."""
LONGER_SECONDS = 1.5
"""Than any of them."""

START = b"GET /health HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /api/v1/runs HTTP/1.1\r\nHost: a\r\n"


ended = threading.Event()
"""An answer of `endless` has been given up."""


@get("/ext/acme/slow", opt={"public": True})
async def slow() -> str:
    await asyncio.sleep(LONGER_SECONDS)
    return "done"


@post("/ext/acme/late", opt={"public": True}, status_code=200, request_max_body_size=None)
async def late(request: Request[Any, Any, Any]) -> str:
    """Reads its body when a client that waited for it would have been given up."""
    await asyncio.sleep(LONGER_SECONDS)
    return str(len(await request.body()))


@get("/ext/acme/endless", opt={"public": True})
async def endless() -> Stream:
    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65_536
                await asyncio.sleep(0)
        finally:
            ended.set()

    return Stream(pieces())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    acme = extension(slow, late, endless)
    tables = {"extensions": {"enabled": ["acme"]}}
    with listening(tmp_path_factory.mktemp("home"), acme, tables=tables, deadlines=SOON) as server:
        yield server


def check_timeout(answer: Answer) -> None:
    assert (answer.status, answer.error["title"], answer.error["code"]) == (408, "Request Timeout", "request_timeout")
    assert answer.headers["connection"] == "close"
    check_security_headers(httpx.Response(answer.status, headers=dict(answer.headers)))


def test_a_connection_without_a_request_is_closed(server: Listening) -> None:
    with server.client() as client:
        assert client.is_closed_by_server()


def test_empty_lines_are_no_request(server: Listening) -> None:
    with server.client() as client:
        client.send(b"\r\n\r\n")

        assert client.is_closed_by_server()


def test_a_kept_connection_is_closed_when_it_is_not_used(server: Listening) -> None:
    with server.client() as client:
        assert client.ask(START + b"\r\n").status == 200
        assert client.ask(START + b"\r\n").status == 200
        assert client.is_closed_by_server()


def test_half_a_head_is_answered_in_time(server: Listening) -> None:
    with server.client() as client:
        check_timeout(client.ask(START))
        assert client.is_closed_by_server()


def test_a_head_that_trickles_in_is_answered_in_time(server: Listening) -> None:
    with server.client() as client:
        client.send(START)
        client.socket.settimeout(0.05)
        began = time.monotonic()
        while (answered := sent_a_byte(client)) is None:
            assert time.monotonic() - began < PATIENCE_SECONDS

    assert answered.startswith(b"HTTP/1.1 408 ")


def sent_a_byte(client: Client) -> bytes | None:
    """Send a byte; what is answered, None when that is nothing yet."""
    client.send(b"x")
    try:
        return client.socket.recv(65_536)
    except TimeoutError:
        return None


def test_half_a_body_is_answered_in_time(server: Listening) -> None:
    with server.client() as client:
        client.send(POST + server.credentials + b"Content-Length: 100\r\n\r\n{")

        check_timeout(client.answer())
        assert client.is_closed_by_server()


def test_half_a_chunk_is_answered_in_time(server: Listening) -> None:
    with server.client() as client:
        client.send(POST + server.credentials + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{")

        check_timeout(client.answer())


def test_a_body_that_makes_progress_is_waited_for(server: Listening) -> None:
    body = b'{"version":1}'
    with server.client() as client:
        client.send(POST + server.credentials + b"Content-Length: %d\r\n\r\n" % len(body))
        for byte in body:
            time.sleep(SOON.body / 10)
            client.send(bytes([byte]))

        assert client.answer().status == 400


def test_the_rest_of_a_refused_body_is_not_waited_for(server: Listening) -> None:
    with server.client() as client:
        assert client.ask(POST + b"Content-Length: 100\r\n\r\n{").status == 401
        assert client.is_closed_by_server()


def test_a_slow_answer_is_the_servers_own_time(server: Listening) -> None:
    with server.client() as client:
        assert client.ask(b"GET /ext/acme/slow HTTP/1.1\r\nHost: a\r\n\r\n").body == b"done"
        assert client.ask(START + b"\r\n").status == 200


def test_a_body_that_the_server_does_not_take_yet_is_not_late(server: Listening) -> None:
    size = 600_000
    with server.client() as client:
        client.send(b"POST /ext/acme/late HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        client.send(b"x" * size)

        assert client.answer().body == b"%d" % size


def test_a_client_that_reads_nothing_is_cut_off(server: Listening) -> None:
    with server.client() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(b"GET /ext/acme/endless HTTP/1.1\r\nHost: a\r\n\r\n")

        client.await_reset()


def test_a_client_that_reads_slowly_is_not(server: Listening) -> None:
    with server.client() as client:
        client.send(b"GET /ext/acme/endless HTTP/1.1\r\nHost: a\r\n\r\n")
        until = time.monotonic() + 2 * SOON.write
        while time.monotonic() < until:
            assert client.socket.recv(1_000_000)
            time.sleep(SOON.write / 20)


@pytest.mark.parametrize("close", [b"Connection: close\r\n", b""])
def test_a_client_that_sends_before_it_reads_sees_that_its_body_is_too_large(server: Listening, close: bytes) -> None:
    size = 20_000_000
    with server.client() as client:
        client.send(POST + server.credentials + close + b"Content-Length: %d\r\n\r\n" % size)
        client.send(*[b"x" * 1_000_000] * (size // 1_000_000))

        answer = client.answer()
        assert (answer.status, answer.error["code"]) == (413, "body_too_large")


def test_a_socket_peer_has_the_same_deadlines(tmp_path: Path) -> None:
    with (
        listening(tmp_path / "home", path=tmp_path / "fabro.sock", deadlines=SOON) as server,
        server.client() as client,
    ):
        check_timeout(client.ask(START))
        assert client.is_closed_by_server()


def test_a_stream_is_told_that_its_client_has_left_although_requests_wait_behind_it(server: Listening) -> None:
    ended.clear()
    with server.client() as client:
        client.send(b"GET /ext/acme/endless HTTP/1.1\r\nHost: a\r\n\r\n" + START + b"\r\n")
        assert client.socket.recv(1_000)

    assert ended.wait(PATIENCE_SECONDS)
