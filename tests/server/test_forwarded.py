"""The client's address behind a proxy (server.md S13)."""

from __future__ import annotations

from typing import Any

import pytest

from fabro_core.config.proxies import trusted_proxies
from fabro_core.http.asgi import Receive, Scope, Send
from fabro_core.server.forwarded import ForwardedClient

pytestmark = pytest.mark.anyio


async def client_seen(peer: tuple[str, int] | None, *forwarded: bytes) -> Any:
    """The scope's client as the application sees it, with one proxy trusted."""
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: object) -> Any:
        return None

    scope = {"type": "http", "scheme": "http", "client": peer, "headers": [(b"x-forwarded-for", f) for f in forwarded]}
    await ForwardedClient(app, trusted_proxies({"FORWARDED_ALLOW_IPS": "192.0.2.1"}, []))(scope, nothing, nothing)
    assert {**seen[0], "client": None} == {**scope, "client": None}
    return seen[0]["client"]


async def test_a_trusted_proxy_names_the_client() -> None:
    assert await client_seen(("192.0.2.1", 5), b"198.51.100.7") == ("198.51.100.7", 0)


async def test_headers_given_several_times_are_one_list() -> None:
    assert await client_seen(("192.0.2.1", 5), b"203.0.113.9", b"198.51.100.7") == ("198.51.100.7", 0)


@pytest.mark.parametrize("peer", [("198.51.100.1", 5), None])
async def test_anybody_else_does_not(peer: tuple[str, int] | None) -> None:
    assert await client_seen(peer, b"198.51.100.7") == peer


async def test_a_trusted_proxy_that_says_nothing_is_the_client() -> None:
    assert await client_seen(("192.0.2.1", 5)) == ("192.0.2.1", 5)
