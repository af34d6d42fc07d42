"""Signing in with a form, what the session cookie is worth, and signing out (auth.md A7, A8, A10, A14, A15)."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabro_auth_devtoken import new_token
from fabro_core.app import create_app
from fabro_core.store.records import DocQuery
from fabro_core.testing.clock import ManualClock
from tests.api.conftest import Server, in_memory, serving

pytestmark = pytest.mark.anyio

LOGIN = "/auth/login/dev-token"
ORIGIN = "http://localhost:3000"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
WHO = "/api/v1/user"


@pytest.fixture
def settings(store_kind: str) -> dict[str, Any]:
    """Room for more attempts than one test makes."""
    return {
        "server": {
            "auth": {"methods": ["dev-token"]},
            "store": {"kind": store_kind},
            "limits": {"login_attempts_per_minute": 1_000},
        }
    }


@pytest.fixture
async def browser(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps cookies, and sends no token."""
    transport = httpx.ASGITransport(server.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, token: str) -> str:
    """Sign in and return the cookie's value."""
    answer = await client.post(LOGIN, json={"token": token})
    assert answer.status_code == 200, answer.text
    return answer.cookies["__fabro_session"]


# -- the form ---------------------------------------------------------------------------------------------------------


async def test_the_right_token_opens_a_session(server: Server, browser: httpx.AsyncClient) -> None:
    answer = await browser.post(LOGIN, json={"token": server.token, "extra": 1})
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert re.fullmatch(
        r"__fabro_session=[\w-]+; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000", answer.headers["set-cookie"]
    )
    assert (await browser.get(WHO)).json() == {"login": "dev"}
    me = (await browser.get("/api/v1/auth/me")).json()
    assert me == (await server.client.get("/api/v1/auth/me")).json(), "by cookie as by bearer token"


async def test_an_html_form_signs_in_without_scripts(server: Server, browser: httpx.AsyncClient) -> None:
    fields = {"token": server.token, "return_to": "/runs?page=2"}
    answer = await browser.post(LOGIN, data=fields, headers=BROWSER | {"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?page=2")
    assert (await browser.get(WHO)).status_code == 200


async def test_a_form_without_a_place_to_return_to_leads_to_the_runs(
    server: Server, browser: httpx.AsyncClient
) -> None:
    answer = await browser.post(LOGIN, data={"token": server.token}, headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")


@pytest.mark.parametrize(
    "token", ["", "x", "fabro_dev_" + "0" * 64, "fabro_dev_\u00e9", "\ud800".encode("utf-8", "replace").decode()]
)
async def test_any_other_token_is_refused_and_sets_no_cookie(
    server: Server, browser: httpx.AsyncClient, token: str
) -> None:
    answer = await browser.post(LOGIN, json={"token": token})
    (entry,) = answer.json()["errors"]
    assert (answer.status_code, entry["code"], entry["detail"]) == (401, "invalid_credentials", "Invalid credentials.")
    assert answer.headers["www-authenticate"] == 'Bearer realm="fabro"'
    assert "set-cookie" not in answer.headers
    page = await browser.post(LOGIN, data={"token": token, "return_to": "/runs/X"}, headers=BROWSER)
    assert (page.status_code, page.headers["location"]) == (303, "/login?error=invalid_credentials&return_to=/runs/X")
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"token": 1}', "application/json", 400),
        (b'{"token": "x", "return_to": 1}', "application/json", 400),
        (b"", "application/json", 400),
        (b"token=a&token=b", "application/x-www-form-urlencoded", 400),
        (b"nonsense", "application/x-www-form-urlencoded", 400),
        (b"token=%ff", "application/x-www-form-urlencoded", 400),
        (b"token", "text/plain", 415),
        (b"x" * 3_000_000, "application/json", 413),
        (b"token=" + b"x" * 16_379, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"f%d=x" % number for number in range(33)), "application/x-www-form-urlencoded", 400),
        (json.dumps({f"f{number}": "x" for number in range(33)}).encode(), "application/json", 400),
    ],
)
async def test_what_is_no_form_is_refused(
    browser: httpx.AsyncClient, content: bytes, media_type: str, status: int
) -> None:
    answer = await browser.post(LOGIN, content=content, headers={"Content-Type": media_type})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["status"] == str(status)


@pytest.mark.parametrize("fields", [{}, {f"f{number}": "x" for number in range(31)}, {"f": "x" * 16_000}])
async def test_a_sign_in_has_room_for_what_methods_may_ask(
    server: Server, browser: httpx.AsyncClient, fields: dict[str, str]
) -> None:
    fields = {"token": server.token, **fields}
    answers = [await browser.post(LOGIN, data=fields), await browser.post(LOGIN, json=fields)]
    assert [answer.status_code for answer in answers] == [200, 200]


async def test_an_unknown_method_is_not_enabled(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/auth/login/gitlab", json={"token": "x"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "login_method_disabled")
    page = await browser.post("/auth/login/gitlab", data={"token": "x"}, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")


async def test_without_pages_there_is_nothing_below_auth(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path) as server:
        assert (await server.anonymous.post(LOGIN, json={"token": server.token})).status_code == 404
        assert (await server.anonymous.post("/auth/logout")).status_code == 404
        assert (await server.anonymous.get("/api/v1/auth/config")).json()["options"] == []


# -- the cookie --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "secure"), [("https://fabro.example.com/fabro", True), ("http://fabro.test/fabro", False)]
)
async def test_the_cookie_belongs_to_the_public_url(tmp_path: Path, url: str, secure: bool) -> None:
    async with serving(in_memory(web={"url": url}), tmp_path) as server:
        answer = await server.anonymous.post(LOGIN, json={"token": server.token})
        header = answer.headers["set-cookie"]
        assert "; Path=/fabro;" in header
        assert header.endswith("; Secure") == secure
        page = await server.anonymous.post(LOGIN, data={"token": server.token}, headers=BROWSER)
        assert page.headers["location"] == "/fabro/runs"


async def test_a_cookie_that_was_changed_anywhere_is_worth_nothing(server: Server, browser: httpx.AsyncClient) -> None:
    cookie = await sign_in(browser, server.token)
    raw = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    changed = [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(len(raw))]
    forged = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in changed]
    forged += [cookie[:length] for length in range(0, len(cookie), 7)] + [
        cookie + "=",
        cookie + "A",
        f'"{cookie}"',
        "é",
    ]
    assert {await status_with(server, each) for each in forged} == {401}
    assert await status_with(server, cookie) == 200


async def test_a_cookie_from_another_secret_is_worth_nothing(server: Server, tmp_path: Path) -> None:
    environ = {"FABRO_HOME": str(tmp_path / "other"), "FABRO_DEV_TOKEN": server.token, "SESSION_SECRET": "t" * 64}
    other = create_app(in_memory(), clock=server.clock, environ=environ)
    async with other.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url=ORIGIN) as client:
        foreign = await sign_in(client, server.token)
        assert (await client.get(WHO)).status_code == 200
    assert await status_with(server, foreign) == 401


async def test_a_session_ends_after_thirty_days_in_use_or_not(server: Server, browser: httpx.AsyncClient) -> None:
    cookie = await sign_in(browser, server.token)
    server.clock.advance(timedelta(days=29))
    assert await status_with(server, cookie) == 200
    server.clock.advance(timedelta(days=1))
    assert await status_with(server, cookie) == 401


async def test_a_new_sign_in_replaces_the_session_of_the_browser(server: Server, browser: httpx.AsyncClient) -> None:
    first = await sign_in(browser, server.token)
    second = await sign_in(browser, server.token)
    assert (await status_with(server, first), await status_with(server, second)) == (401, 200)


async def test_another_dev_token_ends_the_sessions_of_the_old_one(tmp_path: Path) -> None:
    settings = in_memory()
    settings["server"]["store"] = {"kind": "sqlite"}
    statuses = []
    token, cookie = new_token(), ""
    for current in (token, token, new_token()):
        environ = {"FABRO_HOME": str(tmp_path), "FABRO_DEV_TOKEN": current, "SESSION_SECRET": "s" * 64}
        app = create_app(settings, clock=ManualClock(), environ=environ)
        async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
            cookie = cookie or await sign_in(client, token)
            answer = await client.get(WHO, headers={"Cookie": f"__fabro_session={cookie}"})
            statuses.append(answer.status_code)
    assert statuses == [200, 200, 401]


async def test_an_authorization_header_decides_alone(server: Server, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, server.token)
    for header in ("Basic x", "", "Bearer x"):
        assert (await browser.get(WHO, headers={"Authorization": header})).status_code == 401


async def test_the_store_holds_no_token_and_no_cookie(server: Server, browser: httpx.AsyncClient) -> None:
    cookie = await sign_in(browser, server.token)
    query = DocQuery(collection="auth.session", now_ms=0, limit=10)
    (doc,) = (await server.store.list_docs(query)).docs
    assert server.token not in doc.body.decode()
    assert cookie not in doc.body.decode()
    assert json.loads(doc.body)["identity"]["login"] == "dev"


# -- cross-site requests -----------------------------------------------------------------------------------------------


CROSS_SITE = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none", "Origin": "https://evil.example"}, True),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site", "Origin": ORIGIN}, False),
    ({"Origin": ORIGIN}, True),
    ({"Origin": "http://127.0.0.1:3000"}, True),
    ({"Origin": "HTTP://LOCALHOST:3000"}, True),
    ({"Origin": "http://localhost:3001"}, False),
    ({"Origin": "https://localhost:3000"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Referer": ORIGIN + "/runs"}, False),
    ({}, True),
]


@pytest.mark.parametrize(("headers", "allowed"), CROSS_SITE)
async def test_a_foreign_page_cannot_use_the_cookie(
    server: Server, browser: httpx.AsyncClient, headers: dict[str, str], allowed: bool
) -> None:
    run = await server.create()
    await sign_in(browser, server.token)
    answer = await browser.post(f"/api/v1/runs/{run['id']}/start", headers=headers)
    assert answer.status_code == (200 if allowed else 403)
    assert allowed or answer.json()["errors"][0]["code"] == "csrf_rejected"
    assert (await browser.get(WHO, headers=headers)).status_code == 200, "reading is not refused"
    bearer = headers | {"Authorization": f"Bearer {server.token}"}
    assert (await server.anonymous.post("/api/v1/runs/resolve", headers=bearer)).status_code == 405


@pytest.mark.parametrize(("headers", "allowed"), CROSS_SITE)
async def test_a_foreign_page_can_sign_nobody_in_or_out(
    server: Server, browser: httpx.AsyncClient, headers: dict[str, str], allowed: bool
) -> None:
    answer = await browser.post(LOGIN, json={"token": server.token}, headers=headers)
    assert answer.status_code == (200 if allowed else 403)
    cookie = await sign_in(browser, server.token)
    assert (await browser.post("/auth/logout", headers=headers)).status_code == (303 if allowed else 403)
    assert await status_with(server, cookie) == (401 if allowed else 200)


async def test_a_bearer_token_is_no_matter_of_sites(server: Server) -> None:
    answer = await server.client.post("/api/v1/runs", headers={"Origin": "https://evil.example"}, content=b"{}")
    assert answer.status_code == 400


# -- signing out -------------------------------------------------------------------------------------------------------


async def test_signing_out_ends_the_session_everywhere(server: Server, browser: httpx.AsyncClient) -> None:
    cookie = await sign_in(browser, server.token)
    answer = await browser.post("/auth/logout", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert answer.headers["set-cookie"] == "__fabro_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
    assert await status_with(server, cookie) == 401
    again = await browser.post("/auth/logout")
    assert (again.status_code, again.headers["location"]) == (303, "/login")


# -- attempts ----------------------------------------------------------------------------------------------------------


async def test_a_client_has_ten_attempts_a_minute(tmp_path: Path) -> None:
    async with serving(in_memory(), tmp_path) as server:
        for _ in range(10):
            assert (await server.anonymous.post(LOGIN, json={"token": "x"})).status_code == 401
            server.clock.advance(timedelta(seconds=1))
        refused = await server.anonymous.post(LOGIN, content=b"{")
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, "rate_limited")
        assert refused.headers["retry-after"] == "50"
        unknown = await server.anonymous.post("/auth/login/nothing", headers=BROWSER)
        assert (unknown.status_code, unknown.headers["content-type"]) == (429, "text/html; charset=utf-8")
        server.clock.advance(timedelta(seconds=50))
        assert (await server.anonymous.post(LOGIN, json={"token": server.token})).status_code == 200
        assert (await server.anonymous.post(LOGIN, json={"token": server.token})).status_code == 429


# -- the audit log -----------------------------------------------------------------------------------------------------


async def test_sign_ins_leave_a_trace_without_secrets(
    server: Server, browser: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await browser.post(LOGIN, json={"token": "wrong-secret"})
        cookie = await sign_in(browser, server.token)
        await browser.post("/auth/logout")
    lines = [vars(record)["fabro"] for record in caplog.records if record.name == "fabro.audit"]
    assert [(line["event"], line.get("reason")) for line in lines] == [
        ("login_refused", "invalid_credentials"),
        ("login", None),
        ("logout", None),
    ]
    assert lines[1]["session"] == lines[2]["session"]
    assert (lines[1]["idp_issuer"], lines[1]["idp_subject"], lines[1]["auth_method"]) == (
        "fabro:dev",
        "dev",
        "dev_token",
    )
    written = caplog.text + repr(lines)
    assert not [secret for secret in ("wrong-secret", server.token, cookie) if secret in written]


async def status_with(server: Server, cookie: str) -> int:
    """The answer to a request with a session cookie."""
    headers = [(b"cookie", b"__fabro_session=" + cookie.encode("latin-1"))]
    return (await server.anonymous.get(WHO, headers=headers)).status_code
