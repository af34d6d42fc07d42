"""A command-line login in the browser: begin, confirm, and what the waiting program hears (auth.md A19)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fabro_core.auth.base import AuthMethod, Identity, LoginField, LoginOption
from tests.api.brittle import EVERYTHING, BrittleStore
from tests.api.brittle import plugin_of as store_plugin
from tests.api.cli_logins import (
    ASKED,
    MONA,
    ORIGIN,
    REDIRECT_URI,
    STATE,
    Browser,
    Site,
    SsoMethod,
    brought,
    flow_of,
    plugin_of,
    settings_of,
    site,
)
from tests.auth.conftest import documents_of

pytestmark = pytest.mark.anyio

START, RESUME = "/auth/cli/start", "/auth/cli/resume"


@pytest.fixture
async def cli_site(store_kind: str, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    async with site(settings_of(store_kind, "dev-token", "sso"), tmp_path / "home") as it:
        yield it


async def begun(site: Site, **changes: str) -> Browser:
    """A browser with a session, in which a login has begun."""
    browser = await site.signed_in()
    answer = await browser.get(START, params=ASKED | changes)
    assert answer.headers["location"] == RESUME, answer.text
    return browser


async def at_the_provider(browser: Browser) -> str:
    """The state with which a browser without a session arrives at the identity provider."""
    began = await browser.get(START, params=ASKED)
    answer = await browser.get(began.headers["location"])
    assert answer.status_code == 303, answer.text
    url = urlsplit(answer.headers["location"])
    assert f"{url.scheme}://{url.netloc}" == MONA.issuer
    return parse_qs(url.query)["state"][0]


# -- the whole way ----------------------------------------------------------------------------------------------------


async def test_a_program_is_logged_in_by_a_person_who_signs_in_on_the_way(cli_site: Site) -> None:
    browser = cli_site.browser()
    state = await at_the_provider(browser)
    back = await browser.get("/auth/callback/sso", params={"state": state, "code": "consent"})
    assert (back.status_code, back.headers["location"]) == (303, RESUME)
    assert "mona" in (await browser.get(RESUME)).text
    tokens = (await cli_site.exchange(brought(await browser.confirm())["code"])).json()
    assert (await cli_site.who(tokens["access_token"])).json()["user"]["login"] == "mona"


@pytest.mark.parametrize(
    ("callback", "error", "description"),
    [
        ({"code": "wrong"}, "server_error", "Could not complete GitHub sign-in"),
        ({"error": "access_denied"}, "access_denied", "Authorization denied"),
        ({"error": "temporarily_unavailable"}, "server_error", "Could not complete GitHub sign-in"),
        ({"error": "unauthorized"}, "unauthorized", "Login not permitted"),
    ],
)
async def test_the_program_hears_how_the_sign_in_on_the_way_failed(
    cli_site: Site, callback: dict[str, str], error: str, description: str
) -> None:
    browser = cli_site.browser()
    state = await at_the_provider(browser)
    back = await browser.get("/auth/callback/sso", params={"state": state, **callback})
    answer = await browser.get(back.headers["location"])
    assert brought(answer) == {"error": error, "error_description": description, "state": STATE}


# -- start ------------------------------------------------------------------------------------------------------------


async def test_without_a_session_the_way_leads_through_the_sign_in(cli_site: Site) -> None:
    browser = cli_site.browser()
    answer = await browser.get(START, params=ASKED)
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/login/sso?return_to=/auth/cli/resume")
    (cookie,) = answer.headers.get_list("set-cookie")
    name_and_value, _, attributes = cookie.partition("; ")
    assert attributes == "Path=/auth; HttpOnly; SameSite=Lax; Max-Age=600"
    assert name_and_value.startswith("fabro_cli_flow=")
    assert STATE not in cookie


async def test_a_session_of_another_method_does_not_count(cli_site: Site) -> None:
    browser = await cli_site.signed_in(method="dev-token")
    answer = await browser.get(START, params=ASKED)
    assert answer.headers["location"] == "/auth/login/sso?return_to=/auth/cli/resume"
    assert brought(await browser.get(RESUME))["error"] == "github_session_required"


async def test_below_a_prefix_every_path_and_cookie_has_it(tmp_path: Path) -> None:
    settings = settings_of("memory", "sso", web={"url": "https://fabro.example/base"})
    async with site(settings, tmp_path) as prefixed:
        answer = await prefixed.browser().get(START, params=ASKED)
        assert answer.headers["location"] == "/base/auth/login/sso?return_to=/base/auth/cli/resume"
        assert "Path=/base/auth; HttpOnly; SameSite=Lax; Max-Age=600; Secure" in answer.headers["set-cookie"]
        browser = await prefixed.signed_in()
        assert (await browser.get(START, params=ASKED)).headers["location"] == "/base/auth/cli/resume"
        assert 'action="/base/auth/cli/resume"' in (await browser.get(RESUME)).text


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://127.0.0.1:1/callback",
        "http://[::1]:41000/callback",
    ],
)
async def test_loopback_addresses_are_redirected_to(cli_site: Site, redirect_uri: str) -> None:
    browser = await begun(cli_site, redirect_uri=redirect_uri)
    assert brought(await browser.confirm(), to=redirect_uri)["state"] == STATE


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": None},
        {"redirect_uri": "http://localhost:41000/callback"},
        {"redirect_uri": "http://127.0.0.1/callback"},
        {"redirect_uri": "http://127.0.0.1:41000/other"},
        {"redirect_uri": [REDIRECT_URI, REDIRECT_URI]},
        {"state": None},
        {"state": "x" * 15},
    ],
)
async def test_nothing_is_redirected_to_an_address_that_could_be_somebody_elses(
    cli_site: Site, changes: dict[str, Any]
) -> None:
    asked = {name: value for name, value in (ASKED | changes).items() if value is not None}
    answer = await cli_site.client.get(START, params=asked)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_request")
    assert not {"location", "set-cookie"} & answer.headers.keys()
    page = await cli_site.browser().get(START, params=asked)
    assert (page.status_code, page.headers["content-type"]) == (400, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": ""},
        {"code_challenge": "x" * 42},
        {"code_challenge_method": ""},
        {"code_challenge_method": "plain"},
    ],
)
async def test_a_program_without_pkce_hears_so(cli_site: Site, changes: dict[str, str]) -> None:
    answer = await cli_site.browser().get(START, params=ASKED | changes)
    assert brought(answer) == {
        "error": "invalid_request",
        "error_description": "Invalid PKCE parameters",
        "state": STATE,
    }


async def test_a_program_hears_that_nobody_can_log_in_here(tmp_path: Path) -> None:
    async with site(settings_of("memory", "dev-token"), tmp_path) as without:
        answer = await without.browser().get(START, params=ASKED | {"code_challenge": ""})
        assert brought(answer)["error"] == "github_not_configured"
        assert (await without.browser().get(RESUME)).status_code == 400


class SecondMethod(SsoMethod):
    def option(self) -> LoginOption | None:
        return LoginOption(label="Second", kind="redirect")


class FormMethod(AuthMethod):
    def option(self) -> LoginOption | None:
        return LoginOption(label="Form", kind="form", fields=(LoginField(name="pin", label="PIN"),))


async def test_people_log_in_with_the_first_method_that_redirects(tmp_path: Path) -> None:
    plugins = plugin_of(FormMethod(), "form"), plugin_of(SecondMethod(), "second")
    async with site(settings_of("memory", "form", "second", "sso"), tmp_path, *plugins) as several:
        answer = await several.browser().get(START, params=ASKED)
        assert answer.headers["location"] == "/auth/login/second?return_to=/auth/cli/resume"


# -- resume -----------------------------------------------------------------------------------------------------------


async def test_the_page_names_the_person_and_asks_with_one_form(cli_site: Site) -> None:
    page = await (await begun(cli_site)).get(RESUME)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "mona" in page.text
    assert page.text.count("<form") == 1
    assert 'method="post" action="/auth/cli/resume"' in page.text


@pytest.mark.parametrize(
    ("redirect_uri", "form_action"),
    [
        (REDIRECT_URI, ["form-action 'self' http://127.0.0.1:*"]),
        ("http://[::1]:41000/callback", []),
    ],
)
async def test_its_policy_admits_the_redirect_to_the_program_and_nothing_else(
    cli_site: Site, redirect_uri: str, form_action: list[str]
) -> None:
    page = await (await begun(cli_site, redirect_uri=redirect_uri)).get(RESUME)
    other = (await cli_site.client.get("/health")).headers["content-security-policy"].split("; ")
    policy = page.headers["content-security-policy"].split("; ")
    assert [part for part in policy if part.startswith("form-action")] == form_action
    assert [part for part in policy if part not in form_action] == [
        part for part in other if part != "form-action 'self'"
    ]


async def test_the_name_of_a_person_is_no_markup(cli_site: Site) -> None:
    browser = await cli_site.signed_in(Identity(issuer="i", subject="1", login="<b>&mona"))
    await browser.get(START, params=ASKED)
    assert "&lt;b&gt;&amp;mona" in (await browser.get(RESUME)).text


async def test_who_agrees_brings_the_program_a_code(cli_site: Site) -> None:
    browser = await begun(cli_site)
    answer = await browser.confirm()
    code = brought(answer)
    assert code.keys() == {"code", "state"}
    assert (len(code["code"]), code["state"]) == (43, STATE)
    assert "fabro_cli_flow" not in browser.cookies, "the flow has ended"
    assert (await browser.post(RESUME)).status_code == 400


@pytest.mark.parametrize(
    ("error", "told", "description"),
    [
        ("unauthorized", "unauthorized", "Login not permitted"),
        ("access_denied", "access_denied", "Authorization denied"),
        ("server_error", "server_error", "Could not complete GitHub sign-in"),
        ("<script>", "server_error", "Could not complete GitHub sign-in"),
    ],
)
async def test_the_program_hears_how_the_sign_in_failed_with_or_without_a_session(
    cli_site: Site, error: str, told: str, description: str
) -> None:
    failed = {"error": error, "error_description": "click here: https://evil.example"}
    expected = {"error": told, "error_description": description, "state": STATE}
    for browser in (cli_site.browser(), await cli_site.signed_in()):
        await browser.get(START, params=ASKED)
        assert brought(await browser.get(RESUME, params=failed)) == expected
        assert "fabro_cli_flow" not in browser.cookies


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_program_hears_that_nobody_is_signed_in(cli_site: Site, method: str) -> None:
    browser = cli_site.browser()
    await browser.get(START, params=ASKED)
    answer = await (browser.get(RESUME) if method == "GET" else browser.post(RESUME))
    assert brought(answer)["error"] == "github_session_required"
    assert "fabro_cli_flow" not in browser.cookies


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_program_hears_that_the_person_is_not_permitted(cli_site: Site, method: str) -> None:
    cli_site.method.barred.add("mona")
    browser = await begun(cli_site)
    answer = await (browser.get(RESUME) if method == "GET" else browser.post(RESUME))
    assert brought(answer)["error"] == "unauthorized"


async def test_a_method_that_cannot_tell_who_is_permitted_fails_this_request_alone(cli_site: Site) -> None:
    browser = await begun(cli_site)
    cli_site.method.broken = True
    assert (await browser.post(RESUME)).status_code == 503
    cli_site.method.broken = False
    assert brought(await browser.confirm()).keys() == {"code", "state"}


async def test_a_flow_ends_after_ten_minutes(cli_site: Site) -> None:
    early, late = await begun(cli_site), await begun(cli_site)
    cli_site.server.clock.advance(timedelta(minutes=9, seconds=59))
    assert (await early.get(RESUME)).status_code == 200
    cli_site.server.clock.advance(timedelta(seconds=1))
    for answer in (await late.get(RESUME), await late.post(RESUME)):
        assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")


async def test_a_flow_that_was_changed_is_none(cli_site: Site) -> None:
    browser = await begun(cli_site)
    flow, session = browser.cookies["fabro_cli_flow"], browser.cookies["__fabro_session"]
    for changed in ("", "x", flow[:-1], flow[:20] + ("A" if flow[20] != "A" else "B") + flow[21:], session):
        browser.cookies["fabro_cli_flow"] = changed
        answer = await browser.get(RESUME, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_request")
    browser.cookies["__fabro_session"], browser.cookies["fabro_cli_flow"] = flow, flow
    assert brought(await browser.get(RESUME))["error"] == "github_session_required"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": ORIGIN}, 303),
    ],
)
async def test_a_foreign_page_agrees_to_nothing(cli_site: Site, headers: dict[str, str], status: int) -> None:
    browser = await begun(cli_site)
    form = {"flow": flow_of((await browser.get(RESUME)).text)}
    assert (await browser.post(RESUME, data=form, headers=headers)).status_code == status
    codes = await documents_of(cli_site.server.store, "auth.code", cli_site.server.clock)
    assert len(codes) == (1 if status == 303 else 0)


async def test_a_bearer_token_is_no_session(cli_site: Site) -> None:
    browser = cli_site.browser()
    await browser.get(START, params=ASKED)
    answer = await browser.post(RESUME, headers={"Authorization": f"Bearer {cli_site.server.token}"})
    assert brought(answer)["error"] == "github_session_required"


async def test_a_store_that_is_down_is_told_to_the_program_that_waits(tmp_path: Path) -> None:
    store = BrittleStore()
    async with site(settings_of("brittle", "sso"), tmp_path, store_plugin(store)) as brittle:
        browser = await begun(brittle)
        form = {"flow": flow_of((await browser.get(RESUME)).text)}
        store.failing = EVERYTHING
        assert (await (await begun_without_session(brittle)).post(RESUME)).status_code == 303
        assert (await browser.get(RESUME)).status_code == 503
        store.failing = frozenset({"put_doc"})
        assert brought(await browser.post(RESUME, data=form))["error"] == "server_error"


async def begun_without_session(site: Site) -> Browser:
    browser = site.browser()
    await browser.get(START, params=ASKED)
    return browser


async def test_without_pages_there_is_no_login(tmp_path: Path) -> None:
    async with site(settings_of("memory", "dev-token", web={"enabled": False}), tmp_path) as without:
        for path in (START, RESUME):
            answer = await without.client.get(path, params=ASKED)
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "route_not_found")


async def test_the_person_is_the_one_who_is_signed_in_when_they_agree(cli_site: Site) -> None:
    browser = await begun(cli_site)
    other = await cli_site.signed_in(Identity(issuer="https://sso.example", subject="7", login="lisa"))
    browser.cookies["__fabro_session"] = other.cookies["__fabro_session"]
    code = brought(await browser.confirm())["code"]
    subject = (await cli_site.exchange(code)).json()["subject"]
    assert (subject["login"], MONA.login) == ("lisa", "mona")
