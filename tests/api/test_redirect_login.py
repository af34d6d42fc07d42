"""Signing in at an identity provider: the way there, the way back, and everything that goes wrong on it
(auth.md A8, A11, A12, A14)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from fabro_core.auth import asking
from fabro_core.store.records import DocQuery
from fabro_core.testing.identity_provider import Mood
from tests.api.cli_logins import Browser
from tests.api.github_logins import PROGRAM, GitHubSite, github_site, query_of

pytestmark = pytest.mark.anyio

ON_LOGIN_PAGE = "/login?error="
MODES: list[Mood] = ["failing", "babbling", "withholding", "moving", "garrulous"]


@pytest.fixture
def store_kind() -> str:
    """What of this depends on the store is asked of each in tests/auth/test_login_states.py."""
    return "memory"


@pytest.fixture
async def site(store_kind: str, tmp_path: Path, anyio_backend: str) -> AsyncIterator[GitHubSite]:
    async with github_site(store_kind, tmp_path) as site:
        yield site


async def refused(browser: Browser, callback: str) -> tuple[int, str | None]:
    """What an API client gets: status and code."""
    answer = await browser.get(callback, headers=PROGRAM)
    return answer.status_code, answer.json()["errors"][0].get("code")


# -- the way there ------------------------------------------------------------------------------------------------


async def test_a_start_leads_to_the_provider_with_everything_of_its_own(site: GitHubSite) -> None:
    answer = await site.browser().get("/auth/login/github")
    assert answer.status_code == 303
    url = answer.headers["location"]
    assert url.startswith(f"{site.provider.url}/login/oauth/authorize?")
    query = query_of(url)
    assert {len(query.pop("state")), len(query.pop("code_challenge"))} == {43}
    assert query == {
        "response_type": "code",
        "client_id": "test-client",
        "redirect_uri": "http://localhost:3000/auth/callback/github",
        "scope": "read:user",
        "code_challenge_method": "S256",
    }
    assert re.fullmatch(
        r"fabro_oauth_state=[\w-]{43}; Path=/auth; HttpOnly; SameSite=Lax; Max-Age=600", answer.headers["set-cookie"]
    )


async def test_each_start_has_a_state_of_its_own_and_the_browser_one_binding(site: GitHubSite) -> None:
    browser = site.browser()
    first = await browser.get("/auth/login/github")
    bound = browser.cookies["fabro_oauth_state"]
    second = await browser.get("/auth/login/github")
    assert query_of(first.headers["location"])["state"] != query_of(second.headers["location"])["state"]
    assert browser.cookies["fabro_oauth_state"] == bound
    browser.cookies["fabro_oauth_state"] = "malformed"
    await browser.get("/auth/login/github")
    assert re.fullmatch(r"[\w-]{43}", browser.cookies["fabro_oauth_state"])


async def test_behind_https_and_below_a_prefix_everything_says_so(store_kind: str, tmp_path: Path) -> None:
    async with github_site(store_kind, tmp_path, web={"url": "https://fabro.example/fabro"}) as site:
        site.server.anonymous.base_url = httpx.URL("https://fabro.example")
        browser = site.browser()
        answer = await browser.get("/auth/login/github", params={"return_to": "/fabro/runs/X"})
        assert (
            query_of(answer.headers["location"])["redirect_uri"] == "https://fabro.example/fabro/auth/callback/github"
        )
        assert answer.headers["set-cookie"].endswith("; Path=/fabro/auth; HttpOnly; SameSite=Lax; Max-Age=600; Secure")
        callback = (await site.agreed(answer.headers["location"])).removeprefix("/fabro")
        assert (await browser.get(callback)).headers["location"] == "/fabro/runs/X"


@pytest.mark.parametrize("method", ["gitlab", "GITHUB", "git%68ub%20"])
async def test_a_method_that_is_not_enabled_is_refused_on_both_ways(site: GitHubSite, method: str) -> None:
    for path in (f"/auth/login/{method}", f"/auth/callback/{method}?state=x&code=y"):
        assert await refused(site.browser(), path) == (401, "login_method_disabled")
        page = await site.browser().get(path)
        assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")


async def test_a_form_is_not_begun_with_get(site: GitHubSite) -> None:
    answer = await site.browser().get("/auth/login/dev-token")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("path", ["/auth/login/github", "/auth/callback/github"])
async def test_head_is_refused_and_options_does_not_offer_it(site: GitHubSite, path: str) -> None:
    client = site.server.anonymous
    assert (await client.head(path)).status_code == 405
    offered = (await client.options(path)).headers["allow"].split(", ")
    assert "GET" in offered
    assert "HEAD" not in offered


# -- and back -----------------------------------------------------------------------------------------------------


async def test_whoever_comes_back_is_signed_in(site: GitHubSite) -> None:
    site.provider.user |= {"email": "mona@example.org", "avatar_url": "https://img.example.org/m.png"}
    browser = site.browser()
    answer = await browser.get(await site.begun(browser))
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
    me = (await browser.get("/api/v1/auth/me")).json()
    assert (me["provider"], me["user"]) == (
        "github",
        {
            "login": "mona",
            "name": "Mona L.",
            "email": "mona@example.org",
            "idpIssuer": site.provider.url,
            "idpSubject": "90210",
            "avatarUrl": "https://img.example.org/m.png",
            "userUrl": f"{site.provider.url}/mona",
        },
    )


async def test_an_api_client_is_signed_in_as_a_browser_is(site: GitHubSite) -> None:
    browser = site.browser()
    answer = await browser.get(await site.begun(browser), headers=PROGRAM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
    assert "__fabro_session" in browser.cookies


async def test_a_second_sign_in_replaces_the_session(site: GitHubSite) -> None:
    browser = site.browser()
    await browser.get(await site.begun(browser))
    old = Browser(site.server.anonymous, dict(browser.cookies))
    await browser.get(await site.begun(browser))
    assert (await old.get("/api/v1/user")).status_code == 401
    assert (await browser.get("/api/v1/user")).json() == {"login": "mona"}


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("/runs/X?page=2", "/runs/X?page=2"),
        ("/auth/cli/resume", "/auth/cli/resume"),
        ("//evil.example", "/runs"),
        ("https://evil.example", "/runs"),
        ("/\\evil.example", "/runs"),
        ("%2F%2Fevil.example", "/runs"),
        ("evil", "/runs"),
        ("/runs\t", "/runs"),
        ("/runs\r\nX: y", "/runs"),
        ("/auth/logout", "/runs"),
        ("/runs/é", "/runs/%C3%A9"),
    ],
)
async def test_the_browser_goes_where_it_asked_to_and_nowhere_else(site: GitHubSite, asked: str, place: str) -> None:
    browser = site.browser()
    answer = await browser.get(await site.begun(browser, return_to=asked))
    assert (answer.status_code, answer.headers["location"]) == (303, place)


async def test_two_tabs_both_finish(site: GitHubSite) -> None:
    browser = site.browser()
    first, second = await site.begun(browser, "/runs/A"), await site.begun(browser, "/runs/B")
    assert (await browser.get(second)).headers["location"] == "/runs/B"
    assert (await browser.get(first)).headers["location"] == "/runs/A"


async def test_of_concurrent_callbacks_one_signs_in(site: GitHubSite) -> None:
    browser = site.browser()
    callback = await site.begun(browser)
    answers = await asyncio.gather(*(browser.get(callback, headers=PROGRAM) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 7
    assert len(site.provider.tokens) == 1


# -- states that are nobody's ---------------------------------------------------------------------------------------


async def assert_unknown(browser: Browser, callback: str) -> None:
    assert await refused(browser, callback) == (400, "login_state_invalid")
    page = await browser.get(callback)
    assert (page.status_code, page.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "Sign-in failed" in page.text
    assert 'href="/login"' in page.text
    assert "__fabro_session" not in browser.cookies


@pytest.mark.parametrize("query", ["", "?code=c", "?state=&code=c", "?state=unknown&code=c", "?error=access_denied"])
async def test_a_callback_that_nobody_began_is_refused(site: GitHubSite, query: str) -> None:
    browser = site.browser()
    await site.begun(browser)
    await assert_unknown(browser, f"/auth/callback/github{query}")


async def test_a_state_is_used_once(site: GitHubSite) -> None:
    browser = site.browser()
    callback = await site.begun(browser)
    assert (await browser.get(callback)).status_code == 303
    browser.cookies.pop("__fabro_session")
    await assert_unknown(browser, callback)


async def test_a_state_is_good_for_ten_minutes(site: GitHubSite) -> None:
    browser = site.browser()
    callback = await site.begun(browser)
    site.server.clock.advance(timedelta(minutes=10))
    await assert_unknown(browser, callback)


async def test_another_method_does_not_finish_it(site: GitHubSite) -> None:
    browser = site.browser()
    callback = await site.begun(browser)
    await assert_unknown(browser, callback.replace("/callback/github", "/callback/dev-token"))
    assert (await browser.get(callback)).status_code == 303


async def test_another_browser_cannot_finish_it_and_cannot_spoil_it(site: GitHubSite) -> None:
    browser, bound_otherwise, unbound = site.browser(), site.browser(), site.browser()
    callback = await site.begun(browser)
    await site.begun(bound_otherwise)
    await assert_unknown(bound_otherwise, callback)
    await assert_unknown(unbound, callback)
    assert (await browser.get(callback)).headers["location"] == "/runs"


async def test_a_state_that_the_provider_changed_is_nobodys(site: GitHubSite) -> None:
    site.provider.mood = "forgetting_state"
    browser = site.browser()
    await assert_unknown(browser, await site.begun(browser))


async def test_a_parameter_given_twice_is_refused(site: GitHubSite) -> None:
    browser = site.browser()
    callback = await site.begun(browser)
    assert (await browser.get(f"{callback}&code=another", headers=PROGRAM)).status_code == 400
    assert (await browser.get(callback)).status_code == 303


# -- refusals -------------------------------------------------------------------------------------------------------


async def test_whoever_does_not_agree_is_told(site: GitHubSite) -> None:
    site.provider.mood = "denying"
    browser = site.browser()
    answer = await browser.get(await site.begun(browser))
    assert (answer.status_code, answer.headers["location"]) == (303, ON_LOGIN_PAGE + "access_denied")
    assert await refused(browser, await site.begun(browser)) == (403, "access_denied")


async def test_whoever_is_not_on_the_list_is_not_let_in(site: GitHubSite) -> None:
    site.provider.user |= {"id": 7, "login": "lisa"}
    browser = site.browser()
    answer = await browser.get(await site.begun(browser))
    assert (answer.status_code, answer.headers["location"]) == (303, ON_LOGIN_PAGE + "unauthorized")
    assert await refused(browser, await site.begun(browser)) == (403, "login_not_permitted")
    assert "__fabro_session" not in browser.cookies


@pytest.mark.parametrize(
    ("ending", "error", "answered"),
    [
        ("&error=unauthorized", "unauthorized", (403, "login_not_permitted")),
        ("&error=access_denied", "access_denied", (403, "access_denied")),
        ("&error=temporarily_unavailable", "server_error", (502, "identity_provider_error")),
        ("&error=%00%ef%bf%bd", "server_error", (502, "identity_provider_error")),
        ("", "server_error", (502, "identity_provider_error")),
        ("&code=", "server_error", (502, "identity_provider_error")),
        ("&code=never-issued", "server_error", (502, "identity_provider_error")),
    ],
)
async def test_what_the_provider_sends_back_decides(
    site: GitHubSite, ending: str, error: str, answered: tuple[int, str]
) -> None:
    browser = site.browser()
    callback = (await site.begun(browser)).partition("?")[0]

    async def sent_back() -> str:
        started = await browser.get("/auth/login/github")
        return f"{callback}?state={query_of(started.headers['location'])['state']}{ending}"

    answer = await browser.get(await sent_back())
    assert (answer.status_code, answer.headers["location"]) == (303, ON_LOGIN_PAGE + error)
    assert await refused(browser, await sent_back()) == answered


@pytest.mark.parametrize("mood", MODES)
async def test_a_provider_with_a_bad_day_is_a_502_in_our_own_words(site: GitHubSite, mood: Mood) -> None:
    browser = site.browser()
    callbacks = [await site.begun(browser) for _ in range(2)]
    site.provider.mood = mood
    answer = await browser.get(callbacks[0])
    assert (answer.status_code, answer.headers["location"]) == (303, ON_LOGIN_PAGE + "server_error")
    answer = await browser.get(callbacks[1], headers=PROGRAM)
    (entry,) = answer.json()["errors"]
    assert (answer.status_code, entry["code"]) == (502, "identity_provider_error")
    assert entry["detail"] == "The identity provider of github did not complete the sign-in."


async def test_a_failure_uses_the_state_up(site: GitHubSite) -> None:
    browser = site.browser()
    callback = await site.begun(browser)
    site.provider.mood = "failing"
    await browser.get(callback)
    site.provider.mood = "helpful"
    await assert_unknown(browser, callback)


async def test_a_provider_that_does_not_answer_is_not_waited_for(
    site: GitHubSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = site.browser()
    callback = await site.begun(browser)
    site.provider.mood = "slow"
    monkeypatch.setattr(asking, "TIMEOUT_SECONDS", 0.2)
    assert await refused(browser, callback) == (502, "identity_provider_error")


@pytest.mark.parametrize(
    ("mood", "login", "error", "description"),
    [
        ("denying", "mona", "access_denied", "Authorization denied"),
        ("failing", "mona", "server_error", "Could not complete GitHub sign-in"),
        ("helpful", "lisa", "unauthorized", "Login not permitted"),
    ],
)
async def test_a_waiting_command_line_program_learns_how_it_ended(
    site: GitHubSite, mood: Mood, login: str, error: str, description: str
) -> None:
    site.provider.user["login"] = login
    browser = site.browser()
    started = await browser.get("/auth/login/github", params={"return_to": "/auth/cli/resume"})
    site.provider.mood = "helpful" if mood == "failing" else mood
    callback = await site.agreed(started.headers["location"])
    site.provider.mood = mood
    answer = await browser.get(callback)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/auth/cli/resume?")
    assert query_of(answer.headers["location"]) == {"error": error, "error_description": description}


# -- limits, secrets, the log -----------------------------------------------------------------------------------------


async def test_starts_and_callbacks_are_counted_apart(store_kind: str, tmp_path: Path) -> None:
    async with github_site(store_kind, tmp_path, limits={"login_attempts_per_minute": 3}) as site:
        browser = site.browser()
        callbacks = [await site.begun(browser) for _ in range(3)]
        over = await browser.get("/auth/login/nobody")
        assert (over.status_code, over.headers["retry-after"]) == (429, "60")
        for callback in callbacks:
            assert (await browser.get(callback)).status_code == 303
        assert await refused(browser, "/auth/callback/nobody") == (429, "rate_limited")
        site.server.clock.advance(timedelta(seconds=60))
        assert (await browser.get("/auth/login/github")).status_code == 303


async def test_neither_store_nor_log_has_anything_to_sign_in_with(
    site: GitHubSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = site.browser()
    callbacks = [await site.begun(browser) for _ in range(3)]
    pages = [
        await site.server.store.list_docs(DocQuery(collection=collection, now_ms=0, limit=100))
        for collection in ("auth.login", "auth.session")
    ]
    assert (await browser.get(callbacks[0])).status_code == 303
    site.provider.mood = "garrulous"
    assert (await browser.get(callbacks[1])).status_code == 303
    assert (await site.browser().get(callbacks[2])).status_code == 400
    secrets = {value for callback in callbacks for value in query_of(callback).values()}
    secrets |= {*browser.cookies.values(), *site.provider.tokens, site.provider.client_secret}
    stored = "".join(f"{doc.key} {doc.body.decode()}" for page in pages for doc in page.docs)
    formatter = logging.Formatter("%(message)s")
    ours = [record for record in caplog.records if record.name.startswith("fabro")]
    logged = "".join(formatter.format(record) + repr(record.__dict__.get("fabro")) for record in ours)
    assert not [secret for secret in secrets if secret in stored or secret in logged]
    events = [record.__dict__["fabro"] for record in ours if record.name == "fabro.audit"]
    assert [(event["event"], event.get("reason")) for event in events] == [
        ("login", None),
        ("login_refused", "identity_provider_error"),
        ("login_refused", "login_state_invalid"),
    ]
