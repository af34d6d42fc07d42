"""A program that logs in on the command line, the browser of the person in front of it, and their auth method."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from fabro_core.auth.base import AuthMethod, Identity, LoginAttempt, LoginCallback, LoginOption, Redirect
from fabro_core.auth.caller import SessionRef, User
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.http.services import SERVICES, Services
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.secret import Secret
from tests.api.conftest import Server, serving
from tests.web.markup import find

ORIGIN = "http://localhost:3000"
"""The public origin of a server whose settings name none."""
REDIRECT_URI = "http://127.0.0.1:41000/callback"
VERIFIER = "the-verifier-of-a-program-that-logs-in-here"
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
STATE = "0123456789abcdef" * 4
ASKED = {
    "redirect_uri": REDIRECT_URI,
    "state": STATE,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
UNKNOWN = "fabro_refresh_6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11." + "x" * 43
"""A refresh token that nobody has issued."""
MONA = Identity(issuer="https://sso.example", subject="90210", login="mona", name="Mona L.", email="mona@example.org")


class SsoMethod(AuthMethod):
    """Signs people in at an identity provider that lets everybody in as Mona, with the code `consent`."""

    def __init__(self) -> None:
        self.barred: set[str] = set()
        """Logins of people who are not permitted."""
        self.broken = False
        """It cannot tell who is permitted."""

    def option(self) -> LoginOption | None:
        return LoginOption(label="Example SSO", kind="redirect")

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        return Redirect(url=f"{MONA.issuer}/authorize?state={attempt.state.reveal()}")

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        if callback.code != Secret("consent"):
            raise ValueError("no such code")
        return MONA

    async def permits(self, identity: Identity, /) -> bool:
        if self.broken:
            raise RuntimeError("the list of people cannot be read")
        return identity.login not in self.barred


def plugin_of(method: AuthMethod, name: str = "sso") -> InlinePlugin:
    """A plugin that hands out `method`."""

    @hookimpl
    def fabro_auth_method() -> AuthMethod:
        return method

    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_auth_method=fabro_auth_method)
    return InlinePlugin(group=Group.AUTH, name=name, target=target)


@dataclass
class Browser:
    """A browser: it keeps cookies by name, and follows nothing."""

    client: httpx.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return await self._send("GET", path, **kwargs)

    async def post(self, path: str, **kwargs: Any) -> httpx.Response:
        return await self._send("POST", path, **kwargs)

    async def confirm(self) -> httpx.Response:
        """Look at the page that asks whether a program may have a login, and agree."""
        page = await self.get("/auth/cli/resume")
        assert page.status_code == 200, page.text
        return await self.post("/auth/cli/resume", data={"flow": flow_of(page.text)})

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"Accept": "text/html", **kwargs.pop("headers", {})}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.client.request(method, path, headers=headers, **kwargs)
        self.client.cookies.clear()  # one client sends for several browsers
        for header in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(header).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer


@dataclass
class Site:
    """A server that people log in to on the command line."""

    server: Server
    method: SsoMethod
    client: httpx.AsyncClient
    """A program without credentials, at the public origin."""

    @property
    def services(self) -> Services:
        services = self.server.app.litestar.state[SERVICES]
        assert isinstance(services, Services)
        return services

    def browser(self) -> Browser:
        return Browser(self.client)

    async def signed_in(self, identity: Identity = MONA, method: str = "sso") -> Browser:
        """A browser with a session."""
        user = User(identity=identity, method=method)
        credential = self.services.auth.methods[method].credential_of(identity)
        _, cookie = await self.services.auth.require_browser().sessions.open(
            user, credential=credential, user_agent=None
        )
        return Browser(self.client, {"__fabro_session": cookie})

    async def code(self, **changes: str) -> str:
        """A one-time code, as the browser brings it to the program."""
        browser = await self.signed_in()
        began = await browser.get("/auth/cli/start", params=ASKED | changes)
        assert began.headers["location"] == "/auth/cli/resume", began.text
        return brought(await browser.confirm())["code"]

    async def exchange(self, code: str, /, **changes: Any) -> httpx.Response:
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": VERIFIER,
            "redirect_uri": REDIRECT_URI,
            **changes,
        }
        return await self.client.post("/auth/cli/token", json=body)

    async def tokens(self) -> dict[str, Any]:
        """A program that is logged in."""
        answer = await self.exchange(await self.code())
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def refresh(self, refresh_token: str) -> httpx.Response:
        return await self.client.post("/auth/cli/refresh", headers=bearer(refresh_token))

    async def who(self, access_token: str) -> httpx.Response:
        return await self.client.get("/api/v1/auth/me", headers=bearer(access_token))

    def session_of(self, refresh_token: str) -> SessionRef:
        return SessionRef("cli", refresh_token.removeprefix("fabro_refresh_").partition(".")[0])


@asynccontextmanager
async def site(settings: dict[str, Any], home: Path, *plugins: InlinePlugin, **variables: str) -> AsyncIterator[Site]:
    method = SsoMethod()
    async with serving(settings, home, plugin_of(method), *plugins, **variables) as server:
        transport = httpx.ASGITransport(server.app, raise_app_exceptions=False)
        public = urlsplit(server.app.assembly.server.public_url)
        async with httpx.AsyncClient(transport=transport, base_url=f"{public.scheme}://{public.netloc}") as client:
            yield Site(server, method, client)


def settings_of(store_kind: str, *methods: str, **tables: Any) -> dict[str, Any]:
    """Settings with room for more attempts than one test makes."""
    limits = {"login_attempts_per_minute": 1_000}
    server = {"auth": {"methods": list(methods)}, "store": {"kind": store_kind}, "limits": limits}
    return {"server": {**server, **tables}}


def flow_of(page: str) -> str:
    """The flow that the page asks about."""
    (field,) = find(page, "input", type="hidden", name="flow")
    return field.attributes["value"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def brought(answer: httpx.Response, to: str = REDIRECT_URI) -> dict[str, str]:
    """What a redirect brings to the program, which listens at `to`."""
    assert answer.status_code == 303, answer.text
    url = urlsplit(answer.headers["location"])
    assert f"{url.scheme}://{url.netloc}{url.path}" == to
    return dict(parse_qsl(url.query, strict_parsing=True))


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and error of a refusal in OAuth's form, which has to be complete (auth.md A20)."""
    body = answer.json()
    (entry,) = body["errors"]
    assert entry["detail"] == body["error_description"]
    assert entry["status"] == str(answer.status_code)
    assert entry["request_id"] == body["request_id"] == answer.headers["x-request-id"]
    assert entry["code"] == body["error"] or (entry["code"], body["error"]) == ("login_not_permitted", "unauthorized")
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    return answer.status_code, body["error"]


def audited(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the audit log says, oldest first."""
    return [vars(record)["fabro"] for record in caplog.records if record.name == "fabro.audit"]
