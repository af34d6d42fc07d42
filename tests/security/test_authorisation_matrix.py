"""Every route against every credential: who gets past which guard (auth.md A2 to A7, runs.md R2).

The tables are `tests/api/guard_table.py` and `routes.ROUTES`. A route that is in neither fails the first test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from fabro_auth_devtoken import new_token
from tests.api.cli_logins import Site, settings_of, site
from tests.api.conftest import in_memory, serving
from tests.api.security_headers import check_security_headers, is_page
from tests.security.credentials import Answered, Credential, Issuer, issued_now, outlived
from tests.security.routes import ADMITTED, ROUTES, TO_LOGIN, Route, expected, routes_of

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def people(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    """A server with both kinds of methods. Nothing here depends on the store."""
    async with site(settings_of("memory", "dev-token", "sso"), tmp_path / "home") as people:
        yield people


def answered(answer: httpx.Response) -> Answered:
    """What became of a request; every refusal has to say how to authenticate, and 401 alone does."""
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    if answer.status_code == 303 and answer.headers["location"].startswith("/login?return_to="):
        return TO_LOGIN
    if answer.status_code not in (401, 403):
        return ADMITTED
    code = None if is_page(answer) else answer.json()["errors"][0].get("code")
    return Answered(str(answer.status_code), code, answer.headers.get("www-authenticate"))


async def ask(people: Site, route: Route, credential: Credential) -> Answered:
    headers = [("Accept", route.accept), *credential.headers]
    answer = await people.client.request(route.method, route.url, headers=headers)
    people.client.cookies.clear()
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    check_security_headers(answer)
    return answered(answer)


async def test_every_route_has_a_row(people: Site) -> None:
    routes = routes_of(people.server.app)
    assert [route for route in routes if route.kind is None] == []
    assert ROUTES.keys() - {(route.method, route.path) for route in routes} == set()


async def test_every_guard_admits_whom_it_should_and_nobody_else(people: Site) -> None:
    issuer = Issuer(people)
    expired = await outlived(issuer)
    wrong = []
    for route in routes_of(people.server.app):
        for name, credential in (expired | await issued_now(issuer)).items():
            found = await ask(people, route, credential)
            if found != expected(route, credential):
                wrong.append((route, name, found, expected(route, credential)))
    assert wrong == []


async def test_head_is_guarded_as_get_is(people: Site) -> None:
    guarded = [route for route in routes_of(people.server.app) if route.method == "GET" and route.operation is not None]
    answers = {route.operation: await people.client.head(route.url) for route in guarded if route.kind != "public"}
    assert {name for name, answer in answers.items() if answer.status_code not in (401, 405)} == set()
    assert {name for name, answer in answers.items() if answer.status_code == 405} == {
        "attachEvents",
        "attachRunEvents",
        "attachSessionEvents",
    }


async def test_without_pages_there_are_operations_alone(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path) as bare:
        assert [route for route in routes_of(bare.app) if route.operation is None] == []
        for method, path in ROUTES:
            answer = await bare.anonymous.request(method, path, headers={"Accept": "text/html"})
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "route_not_found")


async def test_a_cookie_counts_only_while_there_are_pages(tmp_path: Path) -> None:
    token, answers = new_token(), []
    headers: dict[str, str] = {}
    for enabled in (True, False, True):
        settings = in_memory(web={"enabled": enabled}, store={"kind": "sqlite"})
        async with serving(settings, tmp_path, FABRO_DEV_TOKEN=token) as server:
            if not headers:
                signed_in = await server.anonymous.post("/auth/login/dev-token", json={"token": token})
                headers = {"Cookie": f"__fabro_session={signed_in.cookies['__fabro_session']}"}
                server.anonymous.cookies.clear()
            answers.append((await server.anonymous.get("/api/v1/user", headers=headers)).status_code)
    assert answers == [200, 401, 200]
