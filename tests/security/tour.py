"""A tour of every way to sign in, stay signed in and be refused, with each secret entered in a ledger on its way."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from litestar import get

from fabro_core.http.services import SERVICES, Services
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.secret import Secret
from fabro_core.testing.identity_provider import FakeIdentityProvider, Mood
from tests.api.brittle import EVERYTHING, BrittleStore
from tests.api.cli_logins import ORIGIN, REDIRECT_URI, Browser, bearer
from tests.api.conftest import Server, extension, serving
from tests.api.github_logins import PROGRAM, query_of
from tests.github import github_table
from tests.security.ledger import Ledger, Place, Recording

FORM = "/auth/login/dev-token"
START = "/auth/login/github"
CALLBACK = "/auth/callback/github"
SESSION = "__fabro_session"

SETS_SESSION: tuple[Place, ...] = ((f"POST {FORM}", "set-cookie"), (f"GET {CALLBACK}", "set-cookie"))
TOKENS: tuple[Place, ...] = (("POST /auth/cli/token", "body"), ("POST /auth/cli/refresh", "body"))
BAD_DAYS: tuple[Mood, ...] = ("denying", "failing", "babbling", "withholding", "moving", "garrulous")


@get("/ext/acme/fail")
async def fail() -> None:
    """What nobody foresaw."""
    raise ZeroDivisionError


@dataclass
class Tour:
    """A server, an identity provider, and whoever visits them."""

    server: Server
    provider: FakeIdentityProvider
    client: httpx.AsyncClient
    recording: Recording
    ledger: Ledger

    @property
    def services(self) -> Services:
        services = self.server.app.litestar.state[SERVICES]
        assert isinstance(services, Services)
        return services

    async def go(self) -> None:
        """Visit everything while all is well."""
        await self.sign_in_with_a_form()
        await self.sign_in_at_the_provider()
        await self.fail_at_the_provider()
        browser = await self.browser_of_mona()
        await self.log_in_on_the_command_line(browser)
        await self.refuse_on_the_command_line(browser)
        await self.work_on_a_run()
        await self.look_around(browser)
        await self.end_sessions(browser)
        await self.try_too_often()

    async def sign_in_with_a_form(self) -> None:
        wrong = self.ledger.keep("wrong dev token", "fabro_dev_" + secrets.token_hex(32))
        for token in (wrong, self.server.token):
            for fields in ({"json": {"token": token}}, {"data": {"token": token, "return_to": "/runs"}}):
                browser = Browser(self.client)
                answer = await browser.post(FORM, **fields)
                assert answer.status_code == 303, answer.text
                self.keep_session(browser)
        await Browser(self.client).post(FORM, json={"token": [self.server.token]})
        await Browser(self.client).post(FORM, content=b'{"token": "' + self.server.token.encode())
        await Browser(self.client).post(
            FORM, json={"token": self.server.token}, headers={"Sec-Fetch-Site": "cross-site"}
        )

    async def sign_in_at_the_provider(self) -> None:
        browser = await self.browser_of_mona()
        await browser.get(self.last_callback)  # once more: it is used up
        await self.browser_of_mona(PROGRAM)

    async def fail_at_the_provider(self) -> None:
        for mood in BAD_DAYS:
            for headers in ({}, PROGRAM):
                await self.attempt(mood, headers)
        self.provider.mood, self.provider.user["login"] = "helpful", "eve"
        browser = Browser(self.client)
        refused = await browser.get(await self.agreed(browser))
        assert refused.headers["location"] == "/login?error=unauthorized"
        self.provider.user["login"] = "mona"

    async def attempt(self, mood: Mood, headers: dict[str, str]) -> None:
        """A sign-in on one of the provider's bad days, which begin after the browser was there."""
        browser = Browser(self.client)
        self.provider.mood = mood if mood == "denying" else "helpful"
        callback = await self.agreed(browser)
        self.provider.mood = mood
        answer = await browser.get(callback, headers=headers)
        assert SESSION not in browser.cookies, f"{mood}: {answer.status_code}"
        self.provider.mood = "helpful"

    async def browser_of_mona(self, headers: dict[str, str] | None = None) -> Browser:
        """A browser that has signed in at the provider."""
        browser = Browser(self.client)
        self.last_callback = await self.agreed(browser)
        answer = await browser.get(self.last_callback, headers=headers or {})
        assert answer.status_code == 303, answer.text
        self.keep_session(browser)
        return browser

    async def agreed(self, browser: Browser) -> str:
        """Go to the provider and come back with its code: the path and query to go on with."""
        answer = await browser.get(START)
        assert answer.status_code == 303, answer.text
        state = self.ledger.keep("state", query_of(answer.headers["location"])["state"], (f"GET {START}", "location"))
        binding = self.ledger.keep(
            "binding cookie", browser.cookies["fabro_oauth_state"], (f"GET {START}", "set-cookie")
        )
        await self.keep_verifier(state, binding)
        async with httpx.AsyncClient() as client:
            back = urlsplit((await client.get(answer.headers["location"])).headers["location"])
        query = query_of(back.geturl())
        if "code" in query:
            self.ledger.keep("code of the provider", query["code"])
        return f"{back.path}?{back.query}"

    async def keep_verifier(self, state: str, binding: str) -> None:
        states = self.services.auth.require_browser().states
        pending = await states.find(Secret(state), method="github", bindings=[Secret(binding)])
        assert pending is not None
        self.ledger.keep("PKCE verifier", pending.code_verifier.reveal())

    def keep_session(self, browser: Browser) -> None:
        if SESSION in browser.cookies:
            self.ledger.keep("session cookie", browser.cookies[SESSION], *SETS_SESSION)

    async def log_in_on_the_command_line(self, browser: Browser) -> None:
        tokens = await self.exchange(await self.code(browser))
        later = await self.refresh(tokens["refresh_token"], 200)
        self.server.clock.advance(timedelta(minutes=1))
        await self.refresh(tokens["refresh_token"], 401)  # a replay
        for token in (later["access_token"], later["refresh_token"], tokens["refresh_token"]):
            assert (await self.client.get("/api/v1/user", headers=bearer(token))).status_code == 401
        again = await self.exchange(await self.code(browser))
        assert (await self.client.get("/api/v1/auth/me", headers=bearer(again["access_token"]))).status_code == 200
        await self.client.get("/api/v1/auth/sessions", headers=bearer(again["access_token"]))
        await self.client.post("/auth/cli/logout", headers=bearer(again["refresh_token"]))
        await self.client.get("/api/v1/auth/me", headers=bearer(again["access_token"]))

    async def refuse_on_the_command_line(self, browser: Browser) -> None:
        code = await self.code(browser)
        wrong = self.ledger.keep("wrong verifier", secrets.token_urlsafe(32))
        for _ in range(2):
            await self.client.post("/auth/cli/token", json=self.exchange_of(code) | {"code_verifier": wrong})
        await self.client.post("/auth/cli/token", json={"grant_type": code, "code_verifier": {"a": wrong}})
        await self.client.post("/auth/cli/token", data=self.exchange_of(code))
        unknown = self.ledger.keep("unknown refresh token", secrets.token_urlsafe(32))
        await self.client.post("/auth/cli/refresh", headers=bearer(f"fabro_refresh_{unknown}"))
        await browser.get("/auth/cli/start", params=self.asked)
        await browser.get("/auth/cli/resume", params={"error": "access_denied"})
        await browser.get("/auth/cli/start", params=self.asked | {"code_challenge": "x"})
        await browser.get("/auth/cli/start", params=self.asked | {"redirect_uri": "http://localhost/callback"})

    async def code(self, browser: Browser) -> str:
        """A one-time code of a program that begins a login."""
        self.verifier = self.ledger.keep("verifier of a program", secrets.token_urlsafe(32))
        challenge = urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        ends: tuple[Place, ...] = (
            ("GET /auth/cli/start", "location"),
            ("GET /auth/cli/resume", "location"),
            ("POST /auth/cli/resume", "location"),
        )
        self.asked = {
            "redirect_uri": REDIRECT_URI,
            "state": self.ledger.keep("state of a program", secrets.token_hex(32), *ends),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        await browser.get("/auth/cli/start", params=self.asked)
        flow = browser.cookies["fabro_cli_flow"]
        self.ledger.keep("flow cookie", flow, ("GET /auth/cli/start", "set-cookie"))
        refused = await browser.post("/auth/cli/resume", headers={"Sec-Fetch-Site": "cross-site"})
        assert refused.status_code == 403
        answer = await browser.confirm()
        code = query_of(answer.headers["location"])["code"]
        return self.ledger.keep("one-time code", code, ("POST /auth/cli/resume", "location"))

    def exchange_of(self, code: str) -> dict[str, str]:
        return {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": self.verifier,
            "redirect_uri": REDIRECT_URI,
        }

    async def exchange(self, code: str) -> dict[str, Any]:
        answer = await self.client.post("/auth/cli/token", json=self.exchange_of(code))
        assert answer.status_code == 200, answer.text
        return self.keep_tokens(answer)

    async def refresh(self, refresh_token: str, status: int) -> dict[str, Any]:
        answer = await self.client.post("/auth/cli/refresh", headers=bearer(refresh_token))
        assert answer.status_code == status, answer.text
        return self.keep_tokens(answer) if status == 200 else {}

    def keep_tokens(self, answer: httpx.Response) -> dict[str, Any]:
        tokens: dict[str, Any] = answer.json()
        self.ledger.keep("signature of an access token", tokens["access_token"].rpartition(".")[2], *TOKENS)
        self.ledger.keep("secret of a refresh token", tokens["refresh_token"].rpartition(".")[2], *TOKENS)
        return tokens

    async def work_on_a_run(self) -> None:
        run, other = await self.server.create(), await self.server.create()
        path = f"/api/v1/runs/{run['id']}"
        headers = bearer(self.server.token)
        issued = await self.client.post(f"{path}/worker-token", headers=headers, json={})
        assert issued.status_code == 201, issued.text
        token = issued.json()["token"]
        place = (f"POST {path}/worker-token", "body")
        self.ledger.keep("signature of a worker token", token.rpartition(".")[2], place)
        for asked in (path, f"/api/v1/runs/{other['id']}", "/api/v1/user"):
            await self.client.get(asked, headers=bearer(token))
        await self.client.get(path, headers=bearer(token[:-1]))
        self.server.clock.advance(timedelta(hours=73))
        await self.client.get(path, headers=bearer(token))

    async def look_around(self, browser: Browser) -> None:
        token = bearer(self.server.token)
        for path in (
            "/",
            "/health",
            "/login",
            "/runs",
            "/account",
            "/nowhere",
            "/ext/acme/fail",
            "/api/v1/openapi.json",
            "/api/v1/settings",
            "/api/v1/system/info",
            "/api/v1/auth/config",
            "/api/v1/auth/me",
            "/api/v1/auth/sessions",
            f"/api/v1/runs?access_token={self.server.token}",
            f"/login?error={self.server.token}",
        ):
            await self.client.get(path, headers=token)
            await browser.get(path)
        for header in (self.server.token, f"Token {self.server.token}", f"Basic {self.server.token}"):
            await self.client.get("/api/v1/user", headers={"Authorization": header})

    async def end_sessions(self, browser: Browser) -> None:
        await browser.post("/auth/logout", headers={"Sec-Fetch-Site": "cross-site"})
        await browser.client.delete(
            "/api/v1/auth/sessions/browser:current", headers={"Cookie": f"{SESSION}={browser.cookies[SESSION]}"}
        )
        other = await self.browser_of_mona()
        assert (await other.post("/auth/logout")).headers["location"] == "/login"

    async def try_too_often(self) -> None:
        self.server.app.auth.attempts.limit = 1
        browser = Browser(self.client)
        for _ in range(2):
            answers = [
                await browser.post(FORM, json={"token": self.server.token}),
                await browser.get(START),
                await self.client.post("/auth/cli/token", json=self.exchange_of("x")),
            ]
        assert {answer.status_code for answer in answers} == {429}
        self.server.app.auth.attempts.limit = 1_000

    async def lose_the_store(self, store: BrittleStore) -> None:
        """Come back with everything that is good, when the store answers nothing any more."""
        browser = await self.browser_of_mona()
        code = await self.code(browser)
        tokens = await self.exchange(await self.code(browser))
        callback = await self.agreed(browser)
        store.failing = EVERYTHING
        answers = [
            await browser.get("/runs"),
            await browser.get(callback),
            await browser.post(FORM, json={"token": self.server.token}),
            await browser.post("/auth/logout"),
            await self.client.post("/auth/cli/token", json=self.exchange_of(code)),
            await self.client.post("/auth/cli/refresh", headers=bearer(tokens["refresh_token"])),
            await self.client.get("/api/v1/user", headers=bearer(tokens["access_token"])),
            await self.client.get("/api/v1/runs", headers=bearer(self.server.token)),
        ]
        store.failing = frozenset()
        assert [answer.status_code for answer in answers] == [503] * len(answers)


@asynccontextmanager
async def tour_of(home: Path, *plugins: InlinePlugin, store: str) -> AsyncIterator[Tour]:
    """A server with both first-party methods, a provider, and the secrets that an operator has."""
    session_secret = secrets.token_hex(32)
    async with FakeIdentityProvider(client_secret=secrets.token_hex(32)).running() as provider:
        github = github_table(provider, "mona")
        settings = {
            "auth": {"methods": ["dev-token", "github"], "github": github},
            "store": {"kind": store},
            "limits": {"login_attempts_per_minute": 1_000},
            "extensions": {"enabled": ["acme"]},
        }
        async with serving(
            {"server": settings},
            home,
            extension(fail),
            *plugins,
            session_secret=session_secret,
            GITHUB_APP_CLIENT_SECRET=provider.client_secret,
        ) as server:
            recording = Recording(server.app)
            transport = httpx.ASGITransport(recording, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
                tour = Tour(server, provider, client, recording, Ledger())
                tour.ledger.keep("dev token", server.token)
                tour.ledger.keep("session secret", session_secret)
                tour.ledger.keep("client secret", provider.client_secret)
                yield tour
