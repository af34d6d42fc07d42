"""Whom an extension sees: one on a real server, asked with every credential that there is (auth.md A3, A4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from litestar import Request, get
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from fabro_auth_devtoken import new_token
from fabro_core import caller_of
from fabro_core.auth import Identity, User
from fabro_core.testing import running
from tests.api.cli_logins import (
    ASKED,
    MONA,
    REDIRECT_URI,
    VERIFIER,
    Browser,
    SsoMethod,
    bearer,
    brought,
    plugin_of,
    settings_of,
)
from tests.api.conftest import extension, manifest

if TYPE_CHECKING:
    from litestar.types import HTTPScope

pytestmark = pytest.mark.anyio

ME, MINE, PUBLIC, BROKEN = (f"/ext/acme/{leaf}" for leaf in ("me", "mine", "public", "broken"))
DEV = Identity(issuer="fabro:dev", subject="dev", login="dev", name="Dev Token", email="dev@fabro.local")

asked: list[str] = []
"""The paths whose handlers were called."""


def monas_alone(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    if caller_of(connection).identity.login != MONA.login:
        raise PermissionDeniedException


async def login_of(request: Request[Any, Any, Any]) -> str:
    return caller_of(request).identity.login


@get(ME)
async def me(request: Request[Any, Any, Any]) -> User:
    asked.append(request.url.path)
    return caller_of(request)


@get(MINE, guards=[monas_alone], dependencies={"login": Provide(login_of)})
async def mine(login: NamedDependency[str]) -> str:
    return login


@get(PUBLIC, opt={"public": True})
async def public(request: Request[Any, Any, Any]) -> str:
    try:
        return caller_of(request).identity.login
    except LookupError as error:
        return str(error)


@get(BROKEN, opt={"public": True})
async def broken(request: Request[Any, Any, Any]) -> str:
    return caller_of(request).identity.login


@dataclass
class Site:
    """A server with the extension, and the dev token of one of its people; Mona signs in with a browser."""

    client: httpx.AsyncClient
    dev_token: str

    async def browser(self) -> Browser:
        """A browser in which Mona has signed in."""
        browser = Browser(self.client)
        to_provider = await browser.get("/auth/login/sso")
        (state,) = parse_qs(urlsplit(to_provider.headers["location"]).query)["state"]
        back = await browser.get("/auth/callback/sso", params={"code": "consent", "state": state})
        assert back.is_redirect, back.text
        return browser

    async def access_token(self) -> str:
        """That of a program in which Mona has logged in."""
        browser = await self.browser()
        await browser.get("/auth/cli/start", params=ASKED)
        code = brought(await browser.confirm())["code"]
        grant = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        answer = await self.client.post("/auth/cli/token", json={**grant, "redirect_uri": REDIRECT_URI})
        token: str = answer.json()["access_token"]
        return token

    async def worker_token(self) -> str:
        """That of a worker of a new run."""
        run = await self.client.post("/api/v1/runs", json=manifest(), headers=bearer(self.dev_token))
        path = f"/api/v1/runs/{run.json()['id']}/worker-token"
        token: str = (await self.client.post(path, headers=bearer(self.dev_token))).json()["token"]
        return token


@pytest.fixture
async def site(anyio_backend: str) -> AsyncIterator[Site]:
    token = new_token()
    settings = settings_of("memory", "dev-token", "sso", extensions={"enabled": ["acme"]})
    plugins = [plugin_of(SsoMethod()), extension(me, mine, public, broken)]
    asked.clear()
    async with running(settings, plugins=plugins, environ={"FABRO_DEV_TOKEN": token}) as server:
        yield Site(server.client, token)


def seen(answer: httpx.Response) -> User:
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=User)


async def test_a_bearer_token_of_a_method_is_its_person_without_a_session(site: Site) -> None:
    user = seen(await site.client.get(ME, headers=bearer(site.dev_token)))
    assert user == User(identity=DEV, method="dev-token", session=None)


async def test_a_cookie_is_the_person_who_signed_in_and_the_session(site: Site) -> None:
    browser = await site.browser()
    user = seen(await browser.get(ME))
    listed = (await browser.get("/api/v1/auth/sessions")).json()["sessions"]
    assert (user.identity, user.method) == (MONA, "sso")
    assert [str(user.session)] == [each["id"] for each in listed]
    assert str(user.session).startswith("browser:")


async def test_an_access_token_is_the_person_who_logged_in_and_the_login(site: Site) -> None:
    token = await site.access_token()
    user = seen(await site.client.get(ME, headers=bearer(token)))
    listed = (await site.client.get("/api/v1/auth/sessions", headers=bearer(token))).json()["sessions"]
    assert (user.identity.issuer, user.identity.subject, user.method) == (MONA.issuer, MONA.subject, "sso")
    assert str(user.session) in [each["id"] for each in listed]
    assert str(user.session).startswith("cli:")


async def test_a_worker_is_refused_before_the_extension_is_asked(site: Site) -> None:
    answer = await site.client.get(ME, headers=bearer(await site.worker_token()))
    assert (answer.status_code, asked) == (401, [])


@pytest.mark.parametrize("credential", [{}, bearer("fabro_dev_x"), {"Cookie": "__fabro_session=x"}])
async def test_whoever_has_not_signed_in_is_refused_before_the_extension_is_asked(
    site: Site, credential: dict[str, str]
) -> None:
    answer = await site.client.get(ME, headers=credential)
    assert (answer.status_code, asked) == (401, [])


async def test_guards_and_dependencies_of_the_extension_see_the_caller(site: Site) -> None:
    browser = await site.browser()
    refused = await site.client.get(MINE, headers=bearer(site.dev_token))
    assert (refused.status_code, (await browser.get(MINE)).text) == (403, MONA.login)


async def test_a_public_route_has_no_caller_whatever_credential_comes_along(site: Site) -> None:
    for credential in ({}, bearer(site.dev_token), bearer(await site.worker_token())):
        answer = await site.client.get(PUBLIC, headers=credential)
        assert (answer.status_code, "the route is public" in answer.text) == (200, True)


async def test_taking_a_public_route_for_a_guarded_one_is_a_500_and_lets_nobody_in(site: Site) -> None:
    assert (await site.client.get(BROKEN, headers=bearer(site.dev_token))).status_code == 500


async def test_no_other_application_has_callers(anyio_backend: str) -> None:
    with pytest.raises(LookupError):
        caller_of(ASGIConnection(cast("HTTPScope", {"type": "http"})))
