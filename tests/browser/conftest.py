"""A real browser, Debian's Chromium, and real servers for it. `make browser` runs these tests.

Every page that a test opens is watched: whatever the browser has to complain about fails the test.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

from fabro_auth_devtoken import new_token
from fabro_core.testing import running
from fabro_core.testing.servers import RunningServer

SETTINGS: Final = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}}}
TOKEN: Final = new_token()
ABORTED: Final = "net::ERR_ABORTED"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop for all tests, which the browser belongs to."""
    return "asyncio"


@pytest.fixture(scope="session")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    """Chromium, without a window; tests share it, each with a profile of its own."""
    program = shutil.which("chromium")
    assert program is not None, "these tests need Chromium: apt-get install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def server(anyio_backend: str) -> AsyncIterator[RunningServer]:
    """A server that people sign in to with the dev token."""
    async with running(SETTINGS, token=TOKEN, environ={"FABRO_DEV_TOKEN": TOKEN}) as server:
        yield server


@asynccontextmanager
async def visiting(browser: Browser, **options: Any) -> AsyncIterator[Visit]:
    """A profile of its own in the browser, with an empty page; `options` are those of Playwright's contexts."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    visit = Visit(context, page)
    yield visit
    await context.close()
    assert visit.complaints == []


class Visit:
    """Somebody in front of a browser."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context: Final = context
        self.page: Final = page
        self.complaints: list[str] = []
        """What the browser has written to its console, and what it could not load."""
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", self._note_failure)

    def _note(self, message: ConsoleMessage) -> None:
        self.complaints.append(message.text)

    def _note_failure(self, request: Request) -> None:
        """Going on to another page aborts what the last one still loads, which is nothing to complain about."""
        if request.failure != ABORTED:
            self.complaints.append(f"{request.url}: {request.failure}")

    async def expect_status(self, url: str, status: int) -> None:
        """Open a page that answers with an error, which the browser reports as well."""
        answer = await self.page.goto(url)
        assert answer is not None
        assert answer.status == status
        assert [text for text in self.complaints if f"status of {status}" in text] == self.complaints
        self.complaints.clear()

    async def sign_in(self, url: str, token: str = TOKEN) -> None:
        """Fill in the form of the dev token, with the keyboard."""
        await self.page.goto(url)
        await self.page.get_by_label("Dev token").fill(token)
        async with self.page.expect_navigation():
            await self.page.keyboard.press("Enter")
