"""Clients that hang up amid their body: nobody is answered, and nothing is the server's fault (server.md S10)."""

from __future__ import annotations

import logging
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Request, post

from tests.api.conftest import extension
from tests.server.listener import PATIENCE_SECONDS, Listening, listening

RUN = b"/api/v1/runs/01KJQ0QEPA7V9X1B2C4D6F8G0H"
UPLOAD = b"POST " + RUN + b"/stages/draft@1/artifacts?retry=0&filename=a HTTP/1.1\r\n"
FORM_TYPE = b"Content-Type: application/x-www-form-urlencoded\r\n"
PART = b'--b\r\nContent-Disposition: form-data; name="manifest"\r\n\r\n{"entries": ['

BODIES = {
    "JSON": (b"POST /api/v1/runs HTTP/1.1\r\n", b'{"version": 1,'),
    "an event": (b"POST " + RUN + b"/events HTTP/1.1\r\n", b'{"id": "'),
    "one file": (UPLOAD + b"Content-Type: application/octet-stream\r\n", b"\x00\x01"),
    "a form of files": (UPLOAD + b"Content-Type: multipart/form-data; boundary=b\r\n", PART),
    "a sign-in as a form": (b"POST /auth/login/dev-token HTTP/1.1\r\n" + FORM_TYPE, b"token=fabro_dev_"),
    "a sign-in as JSON": (b"POST /auth/login/dev-token HTTP/1.1\r\n", b'{"token": "'),
    "an extension's body": (b"POST /ext/acme/kept HTTP/1.1\r\n", b"abc"),
    "an extension's body that nobody has read": (b"POST /ext/acme/kept HTTP/1.1\r\n", b""),
}


@post("/ext/acme/kept", request_max_body_size=None)
async def kept(request: Request[Any, Any, Any]) -> str:
    return str(len(await request.body()))


class _Told(logging.Handler):
    """What is logged, for the test that waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.put(record)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    tables = {"extensions": {"enabled": ["acme"]}, "web": {"enabled": True}}
    home: Path = tmp_path_factory.mktemp("home")
    with listening(home, extension(kept), tables=tables) as server:
        yield server


@pytest.fixture
def told() -> Iterator[_Told]:
    told, root, ours = _Told(), logging.getLogger(), logging.getLogger("fabro")
    before = ours.level
    root.addHandler(told)
    ours.setLevel(logging.INFO)
    yield told
    ours.setLevel(before)
    root.removeHandler(told)


@pytest.mark.parametrize("framing", [b"Content-Length: 1000\r\n\r\n%b", b"Transfer-Encoding: chunked\r\n\r\n400\r\n%b"])
@pytest.mark.parametrize("body", BODIES)
def test_a_client_that_leaves_amid_its_body_is_one_line_of_the_access_log(
    server: Listening, told: _Told, body: str, framing: bytes
) -> None:
    head, piece = BODIES[body]

    with server.client() as client:
        client.send(head + b"Host: a\r\n" + server.credentials + framing % piece)

    left = told.records.get(timeout=PATIENCE_SECONDS)
    assert (left.name, left.levelno, left.__dict__["fabro"]["status"]) == ("fabro.access", logging.INFO, 499)
    assert server.ask(b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").status == 404
    assert told.records.get(timeout=PATIENCE_SECONDS).__dict__["fabro"]["path"] == "/nothing", "nothing else was logged"
