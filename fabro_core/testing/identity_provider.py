"""An OAuth 2.0 identity provider for tests: a real HTTP server with GitHub's three endpoints, and its bad days.

It implements the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636) as far as a client can tell, and checks
what the client sends.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec

from fabro_core.http.asgi import ASGIApp, Receive, Scope, Send

Mood = Literal[
    "helpful",
    "denying",
    "forgetting_state",
    "slow",
    "failing",
    "babbling",
    "withholding",
    "moving",
    "garrulous",
    "disowning",
    "anonymous",
]
"""How it behaves: as it should; the user refuses; another `state` comes back; no answer until it stops; every answer
a 500; answers that are not what they claim to be; a token answer without a token; a redirect from the endpoints that
only programs use; a refusal that repeats the code and the client's secret; tokens that it does not know any more once
it has issued them; a profile without anything in it."""


@dataclass(slots=True)
class _Grant:
    challenge: str
    redirect_uri: str
    changes: dict[str, Any]
    """What is different of the user who agreed."""


@dataclass(slots=True)
class FakeIdentityProvider:
    """Knows one client and one user. Change `mood` and `user` at any time."""

    client_id: str = "test-client"
    client_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    user: dict[str, Any] = field(
        default_factory=lambda: {"id": 90210, "login": "mona", "name": "Mona L.", "email": None}
    )
    mood: Mood = "helpful"
    url: str = ""
    """The base of all three endpoints while it runs."""
    requests: list[str] = field(default_factory=list)
    """Method and path of every request so far."""
    queries: list[str] = field(default_factory=list, repr=False)
    """The query of every request to the endpoints that only programs use: nothing secret belongs there."""
    _grants: dict[str, _Grant] = field(default_factory=dict, repr=False)
    _changes: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """Of the user whom each access token stands for."""
    tokens: set[str] = field(default_factory=set, repr=False)
    """Every access token that it has issued."""
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeIdentityProvider]:
        """Serve on a free port of 127.0.0.1."""
        from fabro_core.testing.servers import listening  # the kit names this class, and is imported without a server

        async with listening(cast("ASGIApp", self._serve)) as self.url:
            try:
                yield self
            finally:
                self._stopping.set()

    async def agree(self, url: str) -> dict[str, str]:
        """Go where a browser is sent to sign in, as the user; the query with which it is sent back."""
        return await self._agree(url, {})

    def agreeing_as(self, **changes: Any) -> Callable[[str], Awaitable[dict[str, str]]]:
        """What `agree` is for somebody of whom this is different; None: the profile does not have it."""

        async def agree(url: str) -> dict[str, str]:
            return await self._agree(url, changes)

        return agree

    async def _agree(self, url: str, changes: dict[str, Any]) -> dict[str, str]:
        # The provider speaks no TLS, and loading certificates would take longer than everything else.
        async with httpx.AsyncClient(verify=False) as browser:
            answer = await browser.get(url)
        if answer.status_code != 302:
            raise ValueError(f"the provider answered {answer.status_code}: {answer.text}")
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        back = {name: values[-1] for name, values in query.items()}
        if "code" in back:
            self._grants[back["code"]].changes = changes
        return back

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.requests.append(f"{scope['method']} {path}")
        if path != "/login/oauth/authorize":
            self.queries.append(scope["query_string"].decode("latin-1"))
        if self.mood == "slow":
            await self._stopping.wait()
        if self.mood == "failing":
            return await _answer(send, 500, b"out of order")
        if self.mood == "moving" and path != "/login/oauth/authorize":
            return await _answer(send, 307, b"", (b"location", path.encode("ascii")))
        match scope["method"], path:
            case "GET", "/login/oauth/authorize":
                await self._authorize(scope, send)
            case "POST", "/login/oauth/access_token":
                await self._issue(await _form(receive), dict(scope["headers"]), send)
            case "GET", "/user":
                await self._show_user(dict(scope["headers"]).get(b"authorization", b""), send)
            case _:
                await _answer(send, 404, b"no such page")
        return None

    async def _authorize(self, scope: Scope, send: Send) -> None:
        query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode()).items()}
        expected = {"response_type": "code", "client_id": self.client_id, "code_challenge_method": "S256"}
        if any(query.get(name) != value for name, value in expected.items()) or "redirect_uri" not in query:
            return await _answer(send, 400, b"not an authorization request of a known client")
        state = "another state" if self.mood == "forgetting_state" else query.get("state", "")
        if self.mood == "denying":
            result = {"error": "access_denied", "state": state}
        else:
            code = secrets.token_urlsafe(16)
            self._grants[code] = _Grant(query.get("code_challenge", ""), query["redirect_uri"], {})
            result = {"code": code, "state": state}
        location = f"{query['redirect_uri']}?{urlencode(result)}".encode("ascii")
        return await _answer(send, 302, b"", (b"location", location))

    async def _issue(self, form: dict[str, str], headers: dict[bytes, bytes], send: Send) -> None:
        if self.mood == "babbling":
            return await _answer(send, 200, b"<html>not JSON")
        if self.mood == "withholding":
            return await _json(send, 200, {"token_type": "bearer", "scope": "read:user"})
        if self.mood == "garrulous":
            return await _json(send, 200, {"error": f"bad {form}", "error_description": f"bad {form}"})
        known = (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        if not known or b"authorization" in headers:
            return await _json(send, 200, {"error": "incorrect_client_credentials"})
        grant = self._grants.pop(form.get("code", ""), None)
        if grant is None or not _fits(grant, form):
            return await _json(send, 200, {"error": "bad_verification_code"})
        token = f"gho_{secrets.token_hex(16)}"
        self.tokens.add(token)
        self._changes[token] = grant.changes
        return await _json(send, 200, {"access_token": token, "token_type": "bearer", "scope": "read:user"})

    async def _show_user(self, authorization: bytes, send: Send) -> None:
        token = authorization.decode("latin-1").removeprefix("Bearer ")
        if token not in self.tokens or self.mood == "disowning":
            return await _json(send, 401, {"message": "Bad credentials"})
        if self.mood == "anonymous":
            return await _json(send, 200, {})
        profile = self.user | self._changes[token]
        absent = {name for name, value in self._changes[token].items() if value is None}
        return await _json(send, 200, {name: value for name, value in profile.items() if name not in absent})


def _fits(grant: _Grant, form: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    expected = ("authorization_code", grant.redirect_uri, grant.challenge)
    return (form.get("grant_type"), form.get("redirect_uri"), challenge) == expected


async def _form(receive: Receive) -> dict[str, str]:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return {name: values[-1] for name, values in parse_qs(body.decode()).items()}


async def _json(send: Send, status: int, content: object) -> None:
    await _answer(send, status, msgspec.json.encode(content), (b"content-type", b"application/json"))


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
