"""Pages for everybody: small windows, both colour schemes, the keyboard, and readers of the screen.

What WCAG 2.2 asks for at level AA and a program can measure is measured here.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page, expect

from fabro_core.testing.servers import RunningServer
from tests.api.conftest import manifest
from tests.browser.conftest import TOKEN, Visit, visiting

pytestmark = pytest.mark.anyio

NARROW: Final = {"width": 320, "height": 640}
WIDE: Final = {"width": 1280, "height": 800}
LONG: Final = "Find-out-why-the-nightly-build-of-the-shop-fails-on-Mondays-and-mend-it-so-that-it-never-does-again"
MIN_CONTRAST: Final = 4.5
MIN_TARGET_PX: Final = 24

TEXT_BELOW_CONTRAST: Final = """
(least) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = rgba(getComputedStyle(each).backgroundColor);
      if (color[3] === 255) return color;
    }
    throw new Error("nothing is behind the page");
  };
  const luminance = (color) => {
    const [red, green, blue] = color.slice(0, 3).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const found = [];
  let measured = 0;
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const lights = [rgba(getComputedStyle(element).color), ground(element)].map(luminance);
    const ratio = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
    measured += 1;
    if (ratio < least) found.push(`${element.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return { measured, found };
}
"""
"""The texts of a page whose contrast with what is behind them is less than a ratio (WCAG 1.4.3)."""

CUT_OFF: Final = """
() => [...document.body.querySelectorAll("*")]
  .filter((element) => element.checkVisibility() && !element.closest(".skip, thead, pre"))
  .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
  .map((element) => element.outerHTML.slice(0, 120))
"""
"""The elements that do not fit into the window (WCAG 1.4.10); code scrolls in its own box."""


async def create(server: RunningServer, **changes: Any) -> str:
    answer = await server.client.post("/api/v1/runs", content=json.dumps(manifest(**changes)))
    assert answer.status_code == 201, answer.text
    run_id: str = answer.json()["id"]
    return run_id


async def tour(visit: Visit, server: RunningServer) -> list[str]:
    """Signs in, and gives the addresses of pages of each kind, with content that is hard to show."""
    failed, waiting = await create(server, title=LONG), await create(server)
    assert (await server.client.post(f"/api/v1/runs/{failed}/cancel")).status_code == 200
    assert (await server.client.post(f"/api/v1/runs/{waiting}/start")).status_code == 200
    await create(server, title="Plain")
    await visit.sign_in(f"{server.url}/runs")
    return [f"{server.url}{path}" for path in ("/login?error=unauthorized", "/runs", f"/runs/{failed}", "/account")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
async def test_every_text_stands_out_and_nothing_is_cut_off(
    browser: Browser, server: RunningServer, scheme: str, viewport: dict[str, int]
) -> None:
    async with visiting(browser, color_scheme=scheme, viewport=viewport) as visit:
        for url in await tour(visit, server):
            await visit.page.goto(url)
            contrast = await visit.page.evaluate(TEXT_BELOW_CONTRAST, MIN_CONTRAST)
            assert contrast["found"] == [], url
            assert contrast["measured"] > 3
            assert await visit.page.evaluate(CUT_OFF) == [], url
        await visit.expect_status(f"{server.url}/nowhere", 404)
        assert (await visit.page.evaluate(TEXT_BELOW_CONTRAST, MIN_CONTRAST))["found"] == []
        assert await visit.page.evaluate(CUT_OFF) == []


async def test_the_two_schemes_differ(browser: Browser, server: RunningServer) -> None:
    grounds = set()
    for scheme in ("light", "dark"):
        async with visiting(browser, color_scheme=scheme) as visit:
            await visit.page.goto(f"{server.url}/login")
            grounds.add(await visit.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


async def focus(page: Page) -> str:
    """What has the focus, in short; it is also visible."""
    outline = await page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
    assert outline >= 2
    name: str = await page.evaluate(
        "document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent.trim()"
    )
    return name


async def test_the_keyboard_reaches_everything_in_the_order_in_which_it_is_read(
    browser: Browser, server: RunningServer
) -> None:
    await create(server, title="Newer")
    async with visiting(browser) as visit:
        page = visit.page
        await page.goto(f"{server.url}/login")
        reached = []
        for _ in range(4):
            await page.keyboard.press("Tab")
            reached.append(await focus(page))
        assert reached == ["Skip to content", "Fabro", "Dev token", "Sign in"]

        await visit.sign_in(f"{server.url}/login")
        reached = []
        for _ in range(4):
            await page.keyboard.press("Tab")
            reached.append(await focus(page))
        assert reached == ["Skip to content", "Fabro", "dev", "Sign out"]


async def test_the_way_past_the_header_leads_into_the_content(browser: Browser, server: RunningServer) -> None:
    async with visiting(browser) as visit:
        await visit.sign_in(f"{server.url}/runs")
        await visit.page.keyboard.press("Tab")
        await expect(visit.page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
        await visit.page.keyboard.press("Enter")
        assert await visit.page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
async def test_a_screen_reader_finds_the_parts_of_a_page(
    browser: Browser, server: RunningServer, viewport: dict[str, int]
) -> None:
    await create(server, title="Mend the roof")
    async with visiting(browser, viewport=viewport) as visit:
        page = visit.page
        await page.goto(f"{server.url}/login?error=server_error")
        await expect(page.get_by_label("Dev token")).to_have_accessible_description(
            "The identity provider did not answer as it should. Try again in a moment."
        )
        await visit.sign_in(f"{server.url}/login", TOKEN)
        await expect(page.get_by_role("banner")).to_be_visible()
        await expect(page.get_by_role("main")).to_be_visible()
        table = page.get_by_role("table", name="Runs")
        await expect(table.get_by_role("columnheader")).to_have_text(["Title", "Workflow", "Status", "Created"])
        await expect(table.get_by_role("rowheader")).to_have_text(["Mend the roof"])
        await expect(table.get_by_role("cell")).to_have_text(["Hello", "Submitted", "just now"])


@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
async def test_what_is_clicked_is_large_enough(
    browser: Browser, server: RunningServer, viewport: dict[str, int]
) -> None:
    async with visiting(browser, viewport=viewport) as visit:
        for url in [f"{server.url}/login", *await tour(visit, server)]:
            await visit.page.goto(url)
            targets = visit.page.locator("button, .button, .brand, .trail a, input:not([type=hidden]):not([hidden])")
            boxes = [await target.bounding_box() for target in await targets.all()]
            assert boxes
            assert min(min(box["width"], box["height"]) for box in boxes if box) >= MIN_TARGET_PX
