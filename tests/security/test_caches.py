"""What clients send is not kept: caches are bounded in bytes, in the core and in the framework (server.md S10)."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import unquote

import pytest
from litestar import Request, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath

from tests.api.conftest import Server, extension, in_memory, serving

pytestmark = pytest.mark.anyio

MAX_GROWTH_BYTES: Final = 24 * 1024 * 1024
CORE, EXTENSION = "/api/v1/runs", "/ext/acme/things"
WIDE: Final = "%F0%9F%98%80"
"""One letter outside of the basic plane, as a path has it: every letter of the text then takes four bytes."""


@dataclass(frozen=True)
class Ask:
    """A request, as an ASGI server passes it on."""

    path: str
    """Encoded, as in a request line."""
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    form: bytes | None = None


async def answered(server: Server, ask: Ask) -> int:
    """The status; without a client in between, which would have memory of its own."""
    said: list[int] = []
    body = ask.form or b""
    form = [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"%d" % len(body))]
    bearer = (b"authorization", f"Bearer {server.token}".encode())
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET" if ask.form is None else "POST",
        "scheme": "http",
        "path": unquote(ask.path),
        "raw_path": ask.path.encode(),
        "root_path": "",
        "query_string": ask.query,
        "headers": [(b"host", b"localhost:3000"), bearer, *ask.headers, *(form if body else ())],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 3000),
        "state": {},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            said.append(message["status"])

    await server.app(scope, receive, send)
    return said[0]


@get("/ext/acme/things/{name:str}")
async def look(request: Request[Any, Any, Any], name: FromPath[str]) -> dict[str, int]:
    """Looks at everything that the framework takes apart when it is asked for."""
    return {
        "size": len(name)
        + len(request.query_params)
        + len(request.cookies)
        + len(request.url.path)
        + len(request.accept)
    }


@post("/ext/acme/things/{name:str}")
async def take(
    name: FromPath[str], data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> int:
    return len(name) + len(data)


@pytest.fixture
async def server(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Server]:
    tables = in_memory(extensions={"enabled": ["acme"]})
    async with serving(tables, tmp_path / "home", extension(look, take)) as server:
        yield server


def paths(to: str) -> Iterator[Ask]:
    """Of two sizes: beyond the limit of a path, and up to it."""
    for number in range(1_100):
        yield Ask(f"{to}/{number}{'a' * 60_000}")
        yield Ask(f"{to}/{number}{WIDE}{'a' * 3_900}")


def accepts(to: str) -> Iterator[Ask]:
    """Of two sizes: beyond what is looked at, and up to it."""
    for number in range(300):
        yield Ask(f"{to}/1", headers=((b"accept", b"text/%d%b" % (number, b"a" * 1_000_000)),))
    for number in range(1_100):
        yield Ask(f"{to}/1", headers=((b"accept", b"text/%d%b" % (number, b"a" * 490)),))


def queries(to: str) -> Iterator[Ask]:
    for number in range(1_100):
        yield Ask(f"{to}/1", query=b"q=%d%b" % (number, b"a" * 60_000))


def cookies(to: str) -> Iterator[Ask]:
    for number in range(1_100):
        yield Ask(f"{to}/1", headers=((b"cookie", b"c%d=%b" % (number, b"a" * 60_000)),))


def forms(to: str) -> Iterator[Ask]:
    for number in range(100):
        yield Ask(f"{to}/1", form=b"f%d=%b" % (number, b"a" * 1_000_000))


ATTACKS: Final = (paths, accepts, queries, cookies, forms)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("to", [CORE, EXTENSION])
async def test_what_clients_send_does_not_fill_memory(
    server: Server, attack: Callable[[str], Iterator[Ask]], to: str
) -> None:
    usual = (Ask(f"{to}/1", query=b"q=1", headers=((b"cookie", b"a=b"),)), Ask(f"{to}/1", form=b"a=b"))
    assert [await answered(server, each) for each in usual] == ([200, 201] if to == EXTENSION else [400, 405])
    gc.collect()
    tracemalloc.start()
    try:
        for ask in attack(to):
            assert await answered(server, ask) < 500
        del ask
        gc.collect()
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < MAX_GROWTH_BYTES
