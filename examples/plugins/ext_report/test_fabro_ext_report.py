"""The report inside a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fabro_core import Group, InlinePlugin, StartupError, __version__, create_app
from fabro_core.testing import ManualClock

import fabro_ext_report

pytestmark = pytest.mark.anyio

TOKEN = f"fabro_dev_{'0' * 64}"
USER = {"Authorization": f"Bearer {TOKEN}"}
HANDBOOK = "https://handbook.example.com/fabro"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving(directory: Path, clock: ManualClock, **report: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server with these settings of the report."""
    settings = {
        "server": {
            "auth": {"methods": ["dev-token"]},
            "store": {"kind": "memory"},
            "extensions": {"enabled": ["report"], "report": report},
            "web": {"enabled": False, "url": "https://fabro.example.com"},
        }
    }
    plugin = InlinePlugin(group=Group.EXT, name="report", target=fabro_ext_report)
    environ = {"FABRO_HOME": str(directory), "FABRO_DEV_TOKEN": TOKEN}
    fabro = create_app(settings, plugins=[plugin], clock=clock, environ=environ)
    transport = httpx.ASGITransport(fabro)
    async with fabro.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://fabro.test") as client:
        yield client


async def test_the_summary_tells_a_user_what_serves_and_since_when(tmp_path: Path) -> None:
    clock = ManualClock()
    async with serving(tmp_path, clock) as client:
        clock.advance(timedelta(minutes=2))
        answer = await client.get("/ext/report/summary", headers=USER)
    assert answer.json() == {
        "version": __version__,
        "url": "https://fabro.example.com",
        "web_enabled": False,
        "age_seconds": 120,
    }


async def test_without_credentials_there_is_the_badge_and_no_summary(tmp_path: Path) -> None:
    async with serving(tmp_path, ManualClock()) as client:
        summary, badge = await client.get("/ext/report/summary"), await client.get("/ext/report/badge.svg")
    assert (summary.status_code, badge.status_code) == (401, 200)
    assert badge.headers["content-type"].startswith("image/svg+xml")
    assert f"Fabro {__version__}" in badge.text


async def test_every_link_of_the_server_leads_to_an_answer(tmp_path: Path) -> None:
    async with serving(tmp_path, ManualClock()) as client:
        urls = (await client.get("/")).json()["urls"]
        links = {name: url for name, url in urls.items() if name.startswith("report.")}
        statuses = [(await client.get(url, headers=USER)).status_code for url in links.values()]
    assert links == {"report.summary": "/ext/report/summary", "report.badge": "/ext/report/badge.svg"}
    assert statuses == [200, 200]


async def test_the_handbook_of_the_settings_is_a_link(tmp_path: Path) -> None:
    async with serving(tmp_path, ManualClock(), handbook=HANDBOOK) as client:
        assert (await client.get("/")).json()["urls"]["report.handbook"] == HANDBOOK


async def test_a_handbook_that_is_no_url_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"server\.extensions\.report\.handbook: expected an absolute"):
        async with serving(tmp_path, ManualClock(), handbook="handbook"):
            pass
