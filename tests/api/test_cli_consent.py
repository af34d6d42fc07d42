"""What a person confirms is what is granted, whatever other pages do meanwhile (auth.md A19)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.cli_logins import ASKED, REDIRECT_URI, Browser, Site, brought, flow_of, settings_of, site
from tests.auth.conftest import documents_of
from tests.web.markup import find

pytestmark = pytest.mark.anyio

START, RESUME = "/auth/cli/start", "/auth/cli/resume"
ATTACKERS = {"redirect_uri": "http://127.0.0.1:6666/callback", "code_challenge": "A" * 43, "state": "a" * 32}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def cli_site(store_kind: str, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    async with site(settings_of(store_kind, "sso"), tmp_path / "home") as it:
        yield it


async def asked(site: Site) -> tuple[Browser, str]:
    """A browser that shows the page which asks, and the flow that it asks about."""
    browser = await site.signed_in()
    await browser.get(START, params=ASKED)
    return browser, flow_of((await browser.get(RESUME)).text)


def code_of(answer: httpx.Response) -> str | None:
    """The code of a refusal, which has to be one that a program can read."""
    code: str | None = answer.json()["errors"][0]["code"]
    return code


async def codes(site: Site) -> int:
    return len(await documents_of(site.server.store, "auth.code", site.server.clock))


async def test_a_flow_that_was_swapped_between_page_and_click_is_not_granted(cli_site: Site) -> None:
    browser, confirmed = await asked(cli_site)
    await browser.get(START, params=ASKED | ATTACKERS)  # by a browser that does not say where it comes from

    answer = await browser.post(RESUME, data={"flow": confirmed})

    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "location" not in answer.headers
    assert await codes(cli_site) == 0
    page = await browser.get(RESUME)
    assert "127.0.0.1:6666" in page.text, "whoever asks again is shown who would get in"


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", {}),
        (b"", FORM),
        (b"flow=", FORM),
        (b"flow=AAAAAAAAAAAAAAAAAAAAAA", FORM),
        (b"flow={flow}x", FORM),
        (b"flow={flow}&flow={flow}", FORM),
        (b"other={flow}", FORM),
        (b"flow={flow}", {"Content-Type": "text/plain"}),
        (b"\xff", FORM),
        (b'{"flow": ["{flow}"]}', {"Content-Type": "application/json"}),
    ],
)
async def test_only_the_flow_of_the_page_is_granted(cli_site: Site, content: bytes, headers: dict[str, str]) -> None:
    browser, flow = await asked(cli_site)
    answer = await browser.post(
        RESUME, content=content.replace(b"{flow}", flow.encode()), headers={"Accept": "*/*", **headers}
    )
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")
    assert await codes(cli_site) == 0
    assert brought(await browser.post(RESUME, data={"flow": flow})).keys() == {"code", "state"}, "nothing was spoiled"


async def test_a_form_beyond_the_limit_is_not_read(cli_site: Site) -> None:
    browser, flow = await asked(cli_site)
    answer = await browser.post(RESUME, data={"flow": flow, "more": "x" * 20_000})
    assert answer.status_code == 413


@pytest.mark.parametrize("came_from", ["cross-site", "same-site", "", "anything"])
async def test_another_site_neither_begins_a_login_nor_replaces_one(cli_site: Site, came_from: str) -> None:
    browser, flow = await asked(cli_site)
    kept = dict(browser.cookies)
    for params in (ASKED | ATTACKERS, {}):
        page = await browser.get(START, params=params, headers={"Sec-Fetch-Site": came_from})
        assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
        answer = await cli_site.client.get(START, params=params, headers={"Sec-Fetch-Site": came_from})
        assert (answer.status_code, code_of(answer)) == (403, "csrf_rejected")
        assert not {"location", "set-cookie"} & (answer.headers.keys() | page.headers.keys())
    assert browser.cookies == kept
    assert brought(await browser.post(RESUME, data={"flow": flow})).keys() == {"code", "state"}


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}, {}])
async def test_a_person_begins_one(cli_site: Site, headers: dict[str, Any]) -> None:
    browser = await cli_site.signed_in()
    answer = await browser.get(START, params=ASKED, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, RESUME)


async def test_each_flow_has_a_name_of_its_own(cli_site: Site) -> None:
    flows = {(await asked(cli_site))[1] for _ in range(3)}
    assert len(flows) == 3
    assert {len(flow) for flow in flows} == {22}


@pytest.mark.parametrize("redirect_uri", [REDIRECT_URI, "http://[::1]:41000/callback"])
async def test_the_page_shows_where_the_program_listens(cli_site: Site, redirect_uri: str) -> None:
    browser = await cli_site.signed_in()
    await browser.get(START, params=ASKED | {"redirect_uri": redirect_uri})
    emphasised = [element.text for element in find((await browser.get(RESUME)).text, "strong")]
    assert emphasised == [redirect_uri.removeprefix("http://").removesuffix("/callback"), "mona"]


async def test_a_flow_of_another_path_hides_none(cli_site: Site) -> None:
    browser, flow = await asked(cli_site)
    browser.cookies["fabro_cli_flow"] = f"stale; fabro_cli_flow={browser.cookies['fabro_cli_flow']}"
    assert brought(await browser.post(RESUME, content=json.dumps({"flow": flow}))).keys() == {"code", "state"}
