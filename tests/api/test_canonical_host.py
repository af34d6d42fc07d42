"""Browsers are sent to the one host that the cookies are for (server.md S12)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.api.conftest import in_memory, serving

pytestmark = pytest.mark.anyio

HTML = "text/html,*/*;q=0.8"


@pytest.mark.parametrize(
    ("url", "host", "path", "target"),
    [
        ("http://localhost:3000", "localhost:3000", "/login", None),
        ("http://localhost:3000", "LOCALHOST:3000", "/login", None),
        ("http://localhost:3000", "127.0.0.1:3000", "/login", None),
        ("http://localhost:3000", "[::1]:3000", "/runs/X", None),
        ("http://localhost:3000", "localhost:3001", "/login", "http://localhost:3000/login"),
        ("http://localhost:3000", "evil.example", "/login?error=x", "http://localhost:3000/login?error=x"),
        ("http://localhost:3000", "evil.example", "/", "http://localhost:3000/"),
        ("http://localhost:3000", "127.0.0.1:3000", "/auth/login/github", "http://localhost:3000/auth/login/github"),
        (
            "http://localhost:3000",
            "127.0.0.1:3000",
            "/auth/callback/github?state=s&code=c",
            "http://localhost:3000/auth/callback/github?state=s&code=c",
        ),
        ("http://localhost:3000", "evil.example", "/api/v1/user", None),
        ("http://localhost:3000", "evil.example", "/health", None),
        ("http://localhost:3000", "evil.example", "/static/x", None),
        ("https://fabro.example.com/fabro", "fabro.example.com", "/login", None),
        ("https://fabro.example.com/fabro", "fabro.example.com:443", "/login", None),
        ("https://fabro.example.com/fabro", "10.0.0.7", "/runs?page=2", "https://fabro.example.com/fabro/runs?page=2"),
        ("https://fabro.example.com/fabro", "10.0.0.7", "/runs/é", "https://fabro.example.com/fabro/runs/%C3%A9"),
        ("https://fabro.example.com/fabro", "10.0.0.7", "/auth/cli/token", None),
    ],
)
async def test_a_browser_at_another_host_is_sent_to_the_public_one(
    tmp_path: Path, url: str, host: str, path: str, target: str | None
) -> None:
    async with serving(in_memory(web={"url": url}), tmp_path) as server:
        for send in (server.anonymous.get, server.anonymous.head):
            answer = await send(path, headers={"Host": host, "Accept": HTML})
            assert (answer.status_code == 308) == (target is not None)
            assert target is None or answer.headers["location"] == target


async def test_programs_and_posts_are_never_redirected(tmp_path: Path) -> None:
    foreign = {"Host": "evil.example"}
    async with serving(in_memory(), tmp_path) as server:
        client = server.anonymous
        assert (await client.get("/", headers=foreign)).status_code == 200
        assert (await client.get("/runs", headers=foreign)).status_code == 404
        answer = await client.post("/auth/login/dev-token", json={"token": "x"}, headers=foreign | {"Accept": HTML})
        assert answer.status_code == 303


async def test_without_pages_no_host_matters(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path) as server:
        answer: httpx.Response = await server.anonymous.get("/login", headers={"Host": "x", "Accept": HTML})
        assert answer.status_code == 404
