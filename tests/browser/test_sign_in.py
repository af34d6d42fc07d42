"""Signing in and out with a browser (auth.md A10, A15, A16), with and without scripts."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Browser, Route, expect

from fabro_core.testing.servers import RunningServer
from tests.api.conftest import manifest
from tests.browser.conftest import TOKEN, visiting

pytestmark = pytest.mark.anyio


async def create(server: RunningServer, title: str) -> str:
    answer = await server.client.post("/api/v1/runs", content=json.dumps(manifest(title=title)))
    assert answer.status_code == 201, answer.text
    run_id: str = answer.json()["id"]
    return run_id


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_a_person_signs_in_and_stays_signed_in(browser: Browser, server: RunningServer, scripts: bool) -> None:
    run_id = await create(server, "Mend the roof")
    async with visiting(browser, java_script_enabled=scripts) as visit:
        page = visit.page
        await page.goto(f"{server.url}/runs/{run_id}?from=chat")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await page.get_by_label("Dev token").fill(TOKEN)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page).to_have_url(f"{server.url}/runs/{run_id}?from=chat")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Mend the roof")

        await page.get_by_role("link", name="Runs").click()
        await expect(page).to_have_url(f"{server.url}/runs")
        await page.reload()
        await expect(page.get_by_role("row", name="Mend the roof")).to_contain_text("Submitted")
        await expect(page.get_by_text("Signed in as dev")).to_be_visible()


async def test_a_wrong_token_says_so_and_the_right_one_still_leads_on(browser: Browser, server: RunningServer) -> None:
    run_id = await create(server, "Mend the roof")
    async with visiting(browser) as visit:
        page = visit.page
        await visit.sign_in(f"{server.url}/runs/{run_id}", token="fabro_dev_" + "0" * 64)
        await expect(page.get_by_role("alert")).to_contain_text("not accepted")
        assert await visit.context.cookies() == []
        await page.get_by_label("Dev token").fill(TOKEN)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{server.url}/runs/{run_id}")


async def test_after_signing_out_neither_back_nor_the_old_cookie_leads_in(
    browser: Browser, server: RunningServer
) -> None:
    await create(server, "Mend the roof")
    async with visiting(browser) as visit:
        page = visit.page
        await visit.sign_in(f"{server.url}/runs")
        kept = await visit.context.storage_state()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(f"{server.url}/login")
        assert await visit.context.cookies() == []

        await page.go_back()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await expect(page.get_by_text("Mend the roof")).to_have_count(0)

    async with visiting(browser, storage_state=kept) as thief:
        (cookie,) = await thief.context.cookies()
        assert cookie["name"] == "__fabro_session"
        await thief.page.goto(f"{server.url}/runs")
        await expect(thief.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_signing_out_in_one_browser_leaves_the_other_signed_in(browser: Browser, server: RunningServer) -> None:
    async with visiting(browser) as first, visiting(browser) as second:
        for visit in (first, second):
            await visit.sign_in(f"{server.url}/runs")
        await first.page.get_by_role("button", name="Sign out").click()
        await first.page.goto(f"{server.url}/runs")
        await expect(first.page.get_by_role("heading", name="Sign in")).to_be_visible()
        await second.page.reload()
        await expect(second.page.get_by_text("Signed in as dev")).to_be_visible()


async def test_the_session_is_kept_from_scripts_and_from_other_sites(browser: Browser, server: RunningServer) -> None:
    async with visiting(browser) as visit:
        await visit.sign_in(f"{server.url}/runs")
        assert await visit.page.evaluate("document.cookie") == ""
        (cookie,) = await visit.context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("__fabro_session", True, "Lax")


async def test_a_form_of_another_site_signs_nobody_in(browser: Browser, server: RunningServer) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    form = f'<form method="post" action="{server.url}/auth/login/dev-token"><input name="token" value="{TOKEN}">'
    async with visiting(browser) as visit:
        await visit.context.route(
            f"{other}/evil", lambda route: route.fulfill(content_type="text/html", body=f"{form}<button>Win</button>")
        )
        await visit.page.goto(f"{other}/evil")
        await visit.page.get_by_role("button", name="Win").click()
        await expect(visit.page.get_by_text("Cross-site request rejected.")).to_be_visible()
        assert await visit.context.cookies() == []
        visit.complaints.clear()


async def test_runs_are_read_page_by_page(browser: Browser, server: RunningServer) -> None:
    for number in range(22):
        await create(server, f"Run {number}")
    async with visiting(browser, java_script_enabled=False) as visit:
        page = visit.page
        await visit.sign_in(f"{server.url}/runs")
        await expect(page.get_by_role("row")).to_have_count(21)
        await page.get_by_role("link", name="Next").click()
        await expect(page.get_by_role("row")).to_have_count(3)
        await page.get_by_role("link", name="Previous").click()
        await page.get_by_role("link", name="Run 21").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Run 21")


async def test_what_is_not_there_has_a_way_back(browser: Browser, server: RunningServer) -> None:
    async with visiting(browser) as visit:
        await visit.sign_in(f"{server.url}/runs")
        await visit.expect_status(f"{server.url}/runs/01KJQ0QEPA7V9X1B2C4D6F8G0H", 404)
        await visit.page.get_by_role("link", name="Go to the runs").click()
        await expect(visit.page).to_have_url(f"{server.url}/runs")


async def test_a_sign_in_is_ended_from_another_browser(browser: Browser, server: RunningServer) -> None:
    async with visiting(browser, user_agent="Lost/1") as lost, visiting(browser) as visit:
        await lost.sign_in(f"{server.url}/runs")
        await visit.sign_in(f"{server.url}/runs")
        await visit.page.get_by_role("link", name="dev").click()
        await visit.page.get_by_role("row", name="Lost/1").get_by_role("button").click()
        await expect(visit.page.get_by_role("rowheader")).to_have_count(1)
        await lost.page.reload()
        await expect(lost.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_the_browser_complains_about_what_the_policy_forbids(browser: Browser, server: RunningServer) -> None:
    async def smuggle(route: Route) -> None:
        answer = await route.fetch()
        body = (await answer.text()).replace("</head>", "<style>main { display: none }</style></head>")
        await route.fulfill(response=answer, body=body)

    async with visiting(browser) as visit:
        await visit.page.route("**/login", smuggle)
        await visit.page.goto(f"{server.url}/login")
        await expect(visit.page.get_by_role("heading", name="Sign in")).to_be_visible()
        (complaint,) = visit.complaints
        assert "Content Security Policy" in complaint
        visit.complaints.clear()
