"""Tokens of a command-line login: issued, used, ended (auth.md A20, A22, A23, A29 30 to 37)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabro_core.store.records import DocQuery
from tests.api.brittle import EVERYTHING, BrittleStore
from tests.api.brittle import plugin_of as store_plugin
from tests.api.cli_logins import (
    CHALLENGE,
    STATE,
    UNKNOWN,
    VERIFIER,
    Site,
    SsoMethod,
    audited,
    bearer,
    plugin_of,
    refused,
    settings_of,
    site,
)

pytestmark = pytest.mark.anyio

TOKEN, REFRESH, LOGOUT = "/auth/cli/token", "/auth/cli/refresh", "/auth/cli/logout"


@pytest.fixture
async def cli_site(store_kind: str, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    async with site(settings_of(store_kind, "dev-token", "sso"), tmp_path / "home") as it:
        yield it


# -- a code for tokens ------------------------------------------------------------------------------------------------


async def test_a_code_is_exchanged_for_tokens_that_work(cli_site: Site) -> None:
    answer = await cli_site.exchange(await cli_site.code())
    tokens = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert tokens["subject"] == {
        "idp_issuer": "https://sso.example",
        "idp_subject": "90210",
        "login": "mona",
        "name": "Mona L.",
        "email": "mona@example.org",
    }
    assert (tokens["access_token_expires_at"], tokens["refresh_token_expires_at"]) == (
        "2026-03-02T10:25:30Z",
        "2026-04-01T10:15:30Z",
    )
    me = (await cli_site.who(tokens["access_token"])).json()
    assert (me["user"]["login"], me["user"]["idpSubject"], me["provider"]) == ("mona", "90210", "sso")


async def test_a_code_works_once(cli_site: Site) -> None:
    code = await cli_site.code()
    assert (await cli_site.exchange(code)).status_code == 200
    assert refused(await cli_site.exchange(code)) == (400, "invalid_code")


async def test_of_ten_exchanges_at_once_one_gets_tokens(cli_site: Site) -> None:
    code = await cli_site.code()
    answers = await asyncio.gather(*(cli_site.exchange(code) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 9}


async def test_a_code_expires_after_a_minute(cli_site: Site) -> None:
    code = await cli_site.code()
    cli_site.server.clock.advance(timedelta(seconds=60))
    assert refused(await cli_site.exchange(code)) == (400, "invalid_code")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": VERIFIER + "x"}, "pkce_verification_failed"),
        ({"code_verifier": CHALLENGE}, "pkce_verification_failed"),
        ({"code_verifier": "ünicode"}, "pkce_verification_failed"),
        ({"redirect_uri": "http://127.0.0.1:41001/callback"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://[::1]:41000/callback"}, "redirect_uri_mismatch"),
    ],
)
async def test_who_cannot_prove_to_have_asked_burns_the_code(
    cli_site: Site, changes: dict[str, str], error: str
) -> None:
    code = await cli_site.code()
    assert refused(await cli_site.exchange(code, **changes)) == (400, error)
    assert refused(await cli_site.exchange(code)) == (400, "invalid_code")


@pytest.mark.parametrize(
    "changes",
    [
        {"grant_type": "refresh_token"},
        {"grant_type": None},
        {"code": " "},
        {"code": 1},
        {"code_verifier": ""},
        {"redirect_uri": ""},
        {"redirect_uri": "http://localhost:41000/callback"},
    ],
)
async def test_a_request_of_another_shape_leaves_the_code_alone(cli_site: Site, changes: dict[str, Any]) -> None:
    code = await cli_site.code()
    assert refused(await cli_site.exchange(code, **changes)) == (400, "invalid_request")
    if "code" not in changes:
        assert (await cli_site.exchange(code)).status_code == 200


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"[" * 16_384, "application/json"),
        (b'{"code": "\xff"}', "application/json"),
        (b"grant_type=authorization_code&code=x", "application/x-www-form-urlencoded"),
        (b"{}", "text/plain"),
    ],
)
async def test_what_is_no_json_is_an_invalid_request(cli_site: Site, body: bytes, media_type: str) -> None:
    answer = await cli_site.client.post(TOKEN, content=body, headers={"Content-Type": media_type})
    assert refused(answer) == (400, "invalid_request")


async def test_a_lone_surrogate_is_no_fault_of_the_server(cli_site: Site) -> None:
    body = json.dumps({"grant_type": "authorization_code", "code": "\ud800", "code_verifier": "\ud800"}).encode()
    answer = await cli_site.client.post(TOKEN, content=body, headers={"Content-Type": "application/json"})
    assert refused(answer) == (400, "invalid_request")


async def test_too_large_a_body_is_refused_in_the_same_form(cli_site: Site) -> None:
    answer = await cli_site.client.post(TOKEN, content=b" " * 16_385)
    assert refused(answer) == (413, "invalid_request")


async def test_another_http_method_is_refused_in_the_same_form(cli_site: Site) -> None:
    answer = await cli_site.client.get(TOKEN)
    assert refused(answer) == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


async def test_who_is_no_longer_permitted_gets_no_tokens_and_has_no_second_try(cli_site: Site) -> None:
    code = await cli_site.code()
    cli_site.method.barred.add("mona")
    answer = await cli_site.exchange(code)
    assert refused(answer) == (403, "unauthorized")
    assert answer.json()["error_description"] == "Login not permitted"
    assert answer.json()["errors"][0]["code"] == "login_not_permitted"
    cli_site.method.barred.clear()
    assert refused(await cli_site.exchange(code)) == (400, "invalid_code")


# -- logout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotations", [0, 1])
async def test_a_logout_ends_refresh_and_access_tokens(
    cli_site: Site, rotations: int, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = await cli_site.tokens()
    for _ in range(rotations):
        assert (await cli_site.refresh(tokens["refresh_token"])).status_code == 200
    with caplog.at_level(logging.INFO, logger="fabro.audit"):
        answer = await cli_site.client.post(LOGOUT, headers=bearer(tokens["refresh_token"]))
    assert (answer.status_code, answer.content) == (204, b"")
    (line,) = audited(caplog)
    assert (line["event"], line["session"]) == ("logout", str(cli_site.session_of(tokens["refresh_token"])))
    assert (await cli_site.who(tokens["access_token"])).status_code == 401
    assert refused(await cli_site.refresh(tokens["refresh_token"])) == (401, "refresh_token_expired")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, bearer("x"), bearer(UNKNOWN)])
async def test_a_logout_of_nothing_is_no_fault(cli_site: Site, headers: dict[str, str]) -> None:
    assert (await cli_site.client.post(LOGOUT, headers=headers)).status_code == 204


# -- the access token -------------------------------------------------------------------------------------------------


async def test_an_access_token_ends_after_ten_minutes_and_the_login_goes_on(cli_site: Site) -> None:
    tokens = await cli_site.tokens()
    cli_site.server.clock.advance(timedelta(minutes=10, seconds=5))
    answer = await cli_site.who(tokens["access_token"])
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "access_token_expired")
    renewed = (await cli_site.refresh(tokens["refresh_token"])).json()
    assert (await cli_site.who(renewed["access_token"])).status_code == 200


async def test_who_is_permitted_is_asked_with_every_request(cli_site: Site) -> None:
    tokens = await cli_site.tokens()
    cli_site.method.barred.add("mona")
    answer = await cli_site.who(tokens["access_token"])
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "login_not_permitted")
    cli_site.method.barred.clear()
    assert (await cli_site.who(tokens["access_token"])).status_code == 200
    cli_site.method.broken = True
    assert (await cli_site.who(tokens["access_token"])).status_code == 503


async def test_a_refresh_token_is_no_bearer_token(cli_site: Site) -> None:
    answer = await cli_site.who((await cli_site.tokens())["refresh_token"])
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "unauthorized")


async def test_an_access_token_changes_things_without_a_page_of_ours(cli_site: Site) -> None:
    headers = bearer((await cli_site.tokens())["access_token"]) | {"Sec-Fetch-Site": "cross-site"}
    answer = await cli_site.client.post("/api/v1/runs/archive", json={"run_ids": []}, headers=headers)
    assert answer.status_code != 403


async def test_a_login_stands_in_the_list_of_sign_ins_and_can_be_ended_there(cli_site: Site) -> None:
    tokens = await cli_site.tokens()
    headers = bearer(tokens["access_token"])
    listed = (await cli_site.client.get("/api/v1/auth/sessions", headers=headers)).json()["sessions"]
    (own,) = (session for session in listed if session["kind"] == "cli")
    assert own == {
        "id": str(cli_site.session_of(tokens["refresh_token"])),
        "kind": "cli",
        "current": True,
        "provider": "sso",
        "login": "mona",
        "label": "Fabro CLI",
        "userAgent": own["userAgent"],
        "createdAt": "2026-03-02T10:15:30Z",
        "lastSeenAt": "2026-03-02T10:15:30Z",
        "expiresAt": "2026-04-01T10:15:30Z",
        "revocable": True,
    }
    deleted = await cli_site.client.delete(f"/api/v1/auth/sessions/{own['id']}", headers=headers)
    assert deleted.status_code == 204
    assert (await cli_site.who(tokens["access_token"])).status_code == 401
    assert refused(await cli_site.refresh(tokens["refresh_token"])) == (401, "refresh_token_expired")


# -- the server -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [TOKEN, REFRESH, LOGOUT])
async def test_without_an_identity_provider_nobody_logs_in(tmp_path: Path, path: str) -> None:
    async with site(settings_of("memory", "dev-token"), tmp_path) as without:
        answer = await without.client.post(path, headers=bearer(UNKNOWN), json={})
        assert refused(answer) == (403, "github_auth_not_configured")


async def test_a_login_outlives_the_server_and_rests_while_its_method_is_not_enabled(tmp_path: Path) -> None:
    settings = settings_of("sqlite", "dev-token", "sso")
    async with site(settings, tmp_path) as first:
        code, tokens = await first.code(), await first.tokens()
    async with site(settings_of("sqlite", "other"), tmp_path, plugin_of(SsoMethod(), "other")) as another:
        answer = await another.who(tokens["access_token"])
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "access_token_invalid")
        assert refused(await another.exchange(code)) == (403, "github_auth_not_configured")
        assert refused(await another.refresh(tokens["refresh_token"])) == (403, "github_auth_not_configured")
    async with site(settings, tmp_path) as restarted:
        assert (await restarted.who(tokens["access_token"])).status_code == 200
        assert (await restarted.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("path", [TOKEN, REFRESH, LOGOUT])
async def test_without_pages_there_are_no_tokens(tmp_path: Path, path: str) -> None:
    async with site(settings_of("memory", "dev-token", web={"enabled": False}), tmp_path) as without:
        answer = await without.client.post(path)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "route_not_found")


async def test_exchanges_are_counted_before_anything_is_looked_at(tmp_path: Path) -> None:
    settings = settings_of("memory", "sso", limits={"login_attempts_per_minute": 3})
    async with site(settings, tmp_path) as limited:
        code = await limited.code()
        assert refused(await limited.exchange("unknown"))[0] == 400
        assert refused(await limited.client.post(TOKEN))[0] == 400
        assert refused(await limited.exchange("unknown"))[0] == 400
        late = await limited.exchange(code)
        assert refused(late) == (429, "rate_limited")
        assert late.json()["error_description"] == "Too many login attempts. Try again later."
        assert late.headers["retry-after"] == "60"


async def test_refreshes_are_counted_apart_from_exchanges(tmp_path: Path) -> None:
    settings = settings_of("memory", "sso", limits={"login_attempts_per_minute": 3})
    async with site(settings, tmp_path) as limited:
        for _ in range(3):
            assert refused(await limited.refresh(UNKNOWN))[0] == 401
        assert refused(await limited.refresh(UNKNOWN)) == (429, "rate_limited")
        assert refused(await limited.exchange("unknown"))[0] == 400
        assert (await limited.client.post(LOGOUT, headers=bearer(UNKNOWN))).status_code == 204


async def test_a_store_that_is_down_takes_no_login_away(tmp_path: Path) -> None:
    store = BrittleStore()
    async with site(settings_of("brittle", "sso"), tmp_path, store_plugin(store)) as brittle:
        code, tokens = await brittle.code(), await brittle.tokens()
        store.failing = EVERYTHING
        unavailable = (503, "store_unavailable")
        assert refused(await brittle.exchange(code)) == unavailable
        assert refused(await brittle.refresh(tokens["refresh_token"])) == unavailable
        assert refused(await brittle.client.post(LOGOUT, headers=bearer(tokens["refresh_token"]))) == unavailable
        answer = await brittle.who(tokens["access_token"])
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == unavailable
        store.failing = frozenset()
        assert (await brittle.exchange(code)).status_code == 200
        assert (await brittle.refresh(tokens["refresh_token"])).status_code == 200


async def test_what_nobody_foresaw_is_a_server_error_that_says_nothing(tmp_path: Path) -> None:
    store = BrittleStore()
    async with site(settings_of("brittle", "sso"), tmp_path, store_plugin(store)) as brittle:
        store.failure = ZeroDivisionError("a secret of the store")
        store.failing = frozenset({"get_doc"})
        answer = await brittle.refresh(UNKNOWN)
        assert refused(answer) == (500, "server_error")
        assert "secret" not in answer.text


async def test_logs_and_store_have_no_secret_of_a_login(cli_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    answers: list[httpx.Response] = []
    with caplog.at_level(logging.DEBUG):
        code = await cli_site.code()
        spare = await cli_site.code()
        first = (await cli_site.exchange(code)).json()
        second = (await cli_site.refresh(first["refresh_token"])).json()
        await cli_site.who(second["access_token"])
        answers += [await cli_site.exchange(code), await cli_site.refresh(first["refresh_token"] + "x")]
    secrets = [code, spare, VERIFIER, STATE]
    secrets += [tokens[name] for tokens in (first, second) for name in ("access_token", "refresh_token")]
    secrets += [tokens["refresh_token"].partition(".")[2] for tokens in (first, second)]
    stored = await everything_stored(cli_site)
    ours = [record for record in caplog.records if record.name.startswith("fabro")]
    shown = "".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert "90210" in stored
    for secret in secrets:
        assert secret not in stored
        assert secret not in shown
        assert not [answer for answer in answers if secret in answer.text]


async def everything_stored(site: Site) -> str:
    """Keys and bodies of all documents of sign-ins."""
    now_ms = int(site.server.clock.now().timestamp() * 1000)
    found = []
    for collection in ("auth.login", "auth.session", "auth.attempts", "auth.code", "auth.chain"):
        page = await site.server.store.list_docs(DocQuery(collection=collection, now_ms=now_ms, limit=100))
        found += [doc.key + doc.body.decode() for doc in page.docs]
    return "\n".join(found)


async def test_the_audit_log_tells_of_every_login_and_refusal(cli_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    code = await cli_site.code()
    with caplog.at_level(logging.INFO, logger="fabro.audit"):
        await cli_site.exchange(code)
        await cli_site.exchange(code)
        await cli_site.exchange(await cli_site.code(), code_verifier="another")
    lines = audited(caplog)
    assert [(line["event"], line.get("reason"), line.get("idp_subject")) for line in lines] == [
        ("login", None, "90210"),
        ("login_refused", "invalid_code", None),
        ("login_refused", "pkce_verification_failed", "90210"),
    ]
    assert lines[0]["session"].startswith("cli:")
    assert all(line["client"] and line["request_id"] for line in lines)
