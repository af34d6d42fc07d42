"""Every route when a client has tried too often, and when the store answers nothing (auth.md A2, A8, A14; server.md
S5, S11, S27)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.api.brittle import DRIVER_TEXT, EVERYTHING, BrittleStore, plugin_of
from tests.api.cli_logins import Site, settings_of, site
from tests.api.security_headers import check_security_headers, is_page
from tests.security.credentials import Headers, Issuer, bearer, cookies
from tests.security.routes import GUARDED, Route, routes_of

pytestmark = pytest.mark.anyio

COUNTED = {
    "POST /auth/login/{method}",
    "GET /auth/login/{method}",
    "GET /auth/callback/{method}",
    "POST /auth/cli/token",
    "POST /auth/cli/refresh",
}
"""The routes with a rate bucket (auth.md A2)."""

NEEDS_NO_STORE = {
    "GET /",
    "GET /health",
    "GET /api/v1/health",
    "GET /api/v1/openapi.json",
    "GET /api/v1/auth/config",
    "GET /login",
    "GET /static/{name}",
    "GET /auth/cli/start",
    "GET /auth/cli/resume",
    "POST /auth/cli/resume",
    "POST /auth/cli/logout",
    "POST /auth/logout",
}
"""What goes on without a store, though not all of it succeeds without more than these tests send (server.md S27)."""


@pytest.fixture
async def people(tmp_path: Path, anyio_backend: str) -> AsyncIterator[tuple[Site, BrittleStore]]:
    store = BrittleStore()
    async with site(settings_of("brittle", "dev-token", "sso"), tmp_path / "home", plugin_of(store)) as people:
        yield people, store


async def ask(people: Site, route: Route, accept: str, headers: Headers) -> httpx.Response:
    answer = await people.client.request(route.method, route.url, headers=[("Accept", accept), *headers])
    people.client.cookies.clear()
    check_security_headers(answer)
    return answer


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_the_routes_with_a_rate_bucket_refuse_and_no_others(
    people: tuple[Site, BrittleStore], accept: str
) -> None:
    visited, _ = people
    visited.server.app.auth.attempts.limit = 1
    refused = {}
    for route in routes_of(visited.server.app):
        visited.server.clock.advance(timedelta(minutes=2))
        first, second = [await ask(visited, route, accept, []) for _ in range(2)]
        assert first.status_code != 429
        if second.status_code == 429:
            refused[f"{route.method} {route.path}"] = second.headers["retry-after"]
            assert is_page(second) == (accept == "text/html" and "/cli/" not in route.path)
    assert refused == dict.fromkeys(COUNTED, "60")


async def test_with_a_cookie_and_without_a_store_every_guard_says_so(people: tuple[Site, BrittleStore]) -> None:
    visited, store = people
    cookie = cookies(await Issuer(visited).cookie())
    store.failing = EVERYTHING
    for route in routes_of(visited.server.app):
        if route.kind in GUARDED:
            check_unavailable(await ask(visited, route, route.accept, cookie))


async def test_without_a_store_no_route_fails_in_any_other_way(people: tuple[Site, BrittleStore]) -> None:
    visited, store = people
    store.failing = EVERYTHING
    await visited.client.get("/api/v1/runs", headers=bearer(visited.server.token))  # the health check learns of it
    working = set()
    for route in routes_of(visited.server.app):
        answer = await ask(visited, route, route.accept, bearer(visited.server.token))
        if answer.status_code == 503:
            check_unavailable(answer)
        elif route.kind not in GUARDED:
            working.add(f"{route.method} {route.path}")
        else:
            assert answer.status_code < 500 or answer.status_code == 501, f"{route}: {answer.text}"
    assert working == NEEDS_NO_STORE


def check_unavailable(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), answer.text
    assert DRIVER_TEXT not in answer.text
    if not is_page(answer):
        assert answer.json()["errors"][0]["code"] == "store_unavailable"
