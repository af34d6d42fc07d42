"""A server in this process, and a browser's client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Server, in_memory, serving

ORIGIN = "http://localhost:3000"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
async def server(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Server]:
    async with serving(in_memory(), tmp_path / "home") as server:
        yield server


@asynccontextmanager
async def browsing(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps cookies and asks for pages; nobody has signed in with it."""
    transport = httpx.ASGITransport(server.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=BROWSER) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, server: Server) -> None:
    """Sign in with the form."""
    answer = await client.post("/auth/login/dev-token", data={"token": server.token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")


@pytest.fixture
async def visitor(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody has signed in."""
    async with browsing(server) as client:
        yield client


@pytest.fixture
async def member(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which the developer has signed in."""
    async with browsing(server) as client:
        await sign_in(client, server)
        yield client
