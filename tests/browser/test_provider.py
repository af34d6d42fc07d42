"""Signing in at an identity provider, and letting a command-line program in (auth.md A11, A12, A19)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, expect

from fabro_core.testing import FakeIdentityProvider, running
from fabro_core.testing.servers import RunningServer, listening
from tests.browser.conftest import Visit, visiting

pytestmark = pytest.mark.anyio

VERIFIER: Final = "v" * 43
STATE: Final = "s" * 32
PROGRAM: Final = "http://127.0.0.1:{port}/callback"


@dataclass
class World:
    """A server, and the provider that it asks."""

    server: RunningServer
    provider: FakeIdentityProvider


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with FakeIdentityProvider().running() as provider, serving(provider) as server:
        yield World(server, provider)


@asynccontextmanager
async def serving(provider: FakeIdentityProvider) -> AsyncIterator[RunningServer]:
    """A server that signs people in with GitHub, or whoever says so."""
    github = {
        "client_id": provider.client_id,
        "allowed_usernames": ["mona"],
        "oauth_url": provider.url,
        "api_url": provider.url,
    }
    settings = {"server": {"auth": {"methods": ["github"], "github": github}, "store": {"kind": "memory"}}}
    async with running(settings, environ={"GITHUB_APP_CLIENT_SECRET": provider.client_secret}) as server:
        yield server


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_a_person_signs_in_at_the_provider_and_returns(browser: Browser, world: World, scripts: bool) -> None:
    async with visiting(browser, java_script_enabled=scripts) as visit:
        page = visit.page
        await page.goto(f"{world.server.url}/runs?page=1")
        await page.get_by_role("link", name="Continue with GitHub").click()
        await expect(page).to_have_url(f"{world.server.url}/runs?page=1")
        await expect(page.get_by_text("Signed in as mona with GitHub")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(f"{world.server.url}/login")


async def test_who_does_not_agree_or_is_not_on_the_list_reads_so(browser: Browser, world: World) -> None:
    async with visiting(browser) as visit:
        page = visit.page
        world.provider.mood = "denying"
        await page.goto(f"{world.server.url}/login")
        await page.get_by_role("link", name="Continue with GitHub").click()
        await expect(page.get_by_role("alert")).to_contain_text("did not agree")
        world.provider.mood = "helpful"
        world.provider.user = {"id": 1, "login": "eve", "name": None, "email": None}
        await page.get_by_role("link", name="Continue with GitHub").click()
        await expect(page.get_by_role("alert")).to_contain_text("you may not use this server")
        world.provider.mood = "babbling"
        await page.get_by_role("link", name="Continue with GitHub").click()
        await expect(page.get_by_role("alert")).to_contain_text("did not answer as it should")


async def begin(visit: Visit, world: World) -> str:
    """Begin a sign-in in this browser and agree at the provider; gives the address that would finish it."""
    started = await visit.context.request.get(f"{world.server.url}/auth/login/github", max_redirects=0)
    async with httpx.AsyncClient() as person:
        agreed = await person.get(started.headers["location"])
    return agreed.headers["location"]


async def test_two_tabs_sign_in_side_by_side(browser: Browser, world: World) -> None:
    async with visiting(browser) as visit:
        callbacks = [await begin(visit, world), await begin(visit, world)]
        for callback in reversed(callbacks):
            tab = await visit.context.new_page()
            await tab.goto(callback)
            await expect(tab).to_have_url(f"{world.server.url}/runs")
            await expect(tab.get_by_text("Signed in as mona")).to_be_visible()


async def test_a_sign_in_of_another_browser_cannot_be_finished(browser: Browser, world: World) -> None:
    async with visiting(browser) as attacker, visiting(browser) as victim:
        await victim.expect_status(await begin(attacker, world), 400)
        await expect(victim.page.get_by_role("heading", name="Sign-in failed")).to_be_visible()
        await victim.page.get_by_role("link", name="Go to the sign-in").click()
        await expect(victim.page).to_have_url(f"{world.server.url}/login")
        assert await victim.context.cookies() == []


# -- a program on the command line ------------------------------------------------------------------------------------


class Program:
    """What listens on this machine for the answer of the browser."""

    def __init__(self) -> None:
        self.asked: Final[list[dict[str, str]]] = []
        """The queries that it was sent."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = parse_qs(scope["query_string"].decode())
        self.asked.append({name: values[-1] for name, values in query.items()})
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<link rel=icon href='data:,'><title>Done</title>"})


def start_url(server: RunningServer, program_url: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    query = {
        "redirect_uri": PROGRAM.format(port=urlsplit(program_url).port),
        "state": STATE,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{server.url}/auth/cli/start?{urlencode(query)}"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_a_program_is_let_in_by_the_person_who_is_named(browser: Browser, world: World, scripts: bool) -> None:
    program, server = Program(), world.server
    async with listening(program) as url, visiting(browser, java_script_enabled=scripts) as visit:
        page = visit.page
        await page.goto(start_url(server, url))
        await expect(page.get_by_role("main")).to_contain_text("use this server as mona")
        assert program.asked == []
        await page.get_by_role("button", name="Sign in as mona").click()
        await expect(page).to_have_title("Done")
    (answer,) = program.asked
    assert answer["state"] == STATE
    exchanged = await server.client.post(
        "/auth/cli/token",
        json={
            "grant_type": "authorization_code",
            "code": answer["code"],
            "code_verifier": VERIFIER,
            "redirect_uri": PROGRAM.format(port=urlsplit(url).port),
        },
    )
    assert exchanged.status_code == 200, exchanged.text
    assert exchanged.json()["subject"]["login"] == "mona"


async def test_a_page_of_another_site_cannot_put_its_program_in_the_place_of_the_one_that_asks(
    browser: Browser, world: World
) -> None:
    asking, foreign = Program(), Program()
    other = world.server.url.replace("127.0.0.1", "localhost")
    async with listening(asking) as url, listening(foreign) as foreign_url, visiting(browser) as visit:
        await visit.page.goto(start_url(world.server, url))
        await expect(visit.page.get_by_role("main")).to_contain_text(f"127.0.0.1:{urlsplit(url).port}")
        swap = f'<script>window.open("{start_url(world.server, foreign_url)}", "_self")</script>'
        await visit.context.route(f"{other}/evil", lambda route: route.fulfill(content_type="text/html", body=swap))
        tab = await visit.context.new_page()
        await tab.goto(f"{other}/evil")
        await expect(tab.get_by_text("Cross-site request rejected.")).to_be_visible()
        await visit.page.get_by_role("button", name="Sign in as mona").click()
        await expect(visit.page).to_have_title("Done")
    assert foreign.asked == []
    assert [answer["state"] for answer in asking.asked] == [STATE]


async def test_a_program_learns_that_the_person_did_not_agree(browser: Browser, world: World) -> None:
    program = Program()
    world.provider.mood = "denying"
    async with listening(program) as url, visiting(browser) as visit:
        await visit.page.goto(start_url(world.server, url))
        await expect(visit.page).to_have_title("Done")
    (answer,) = program.asked
    assert (answer["error"], answer["state"]) == ("access_denied", STATE)
