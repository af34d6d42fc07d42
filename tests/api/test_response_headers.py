"""What every response carries, whoever made it (server.md S4, S11)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from fabro_core.app import create_app
from tests.api.conftest import Server, in_memory, serving
from tests.api.security_headers import check_security_headers

pytestmark = pytest.mark.anyio

BROWSER = {"Accept": "text/html"}
UNKNOWN = "/api/v1/runs/01KJQ0QEPA7V9X1B2C4D6F8G0H"

KINDS = {
    "json": ("GET", "/api/v1/runs", 200),
    "discovery": ("GET", "/", 200),
    "head": ("HEAD", "/health", 200),
    "no content": ("DELETE", UNKNOWN, 204),
    "options": ("OPTIONS", "/api/v1/runs", 204),
    "not valid": ("GET", "/api/v1/runs/nope", 400),
    "missing": ("GET", UNKNOWN, 404),
    "no route": ("GET", "/nowhere", 404),
    "wrong method": ("POST", "/", 405),
}


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


def check(answer: httpx.Response, status: int, *, https: bool = False) -> None:
    assert answer.status_code == status
    check_security_headers(answer, https=https)


@pytest.mark.parametrize("kind", KINDS)
async def test_answers_of_every_kind_carry_the_security_headers(server: Server, kind: str) -> None:
    method, path, status = KINDS[kind]
    foreign = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    check(await server.client.request(method, path, headers=foreign), status)


async def test_redirects_pages_and_refusals_of_strangers_carry_them_too(server: Server) -> None:
    check(await server.anonymous.get("/", headers=BROWSER), 303)
    check(await server.anonymous.get("/api/v1/runs"), 401)
    for path, status in (("/login", 200), ("/nowhere", 404)):
        page = await server.anonymous.get(path, headers=BROWSER)
        check(page, status)
        assert "<script" not in page.text
        assert "<style" not in page.text


async def test_a_server_that_was_not_started_says_how_to_start_it(tmp_path: Path) -> None:
    environ = {"FABRO_HOME": str(tmp_path), "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64, "SESSION_SECRET": "s" * 64}
    app = create_app(in_memory(), environ=environ)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fabro.test") as client:
        for method, path in (("GET", "/health"), ("OPTIONS", "/"), ("GET", "/nowhere")):
            answer = await client.request(method, path)
            check(answer, 503)
            assert answer.json()["errors"][0]["code"] == "not_started"
            assert "async with fabro.lifespan()" in answer.json()["errors"][0]["detail"]
            assert "retry-after" not in answer.headers


@pytest.mark.parametrize(
    ("web", "policy"),
    [
        ({}, "max-age=31536000"),
        ({"hsts_seconds": 300}, "max-age=300"),
        ({"hsts_subdomains": True}, "max-age=31536000; includeSubDomains"),
        ({"hsts_seconds": 0, "hsts_subdomains": True}, None),
    ],
)
async def test_transport_security_is_as_strict_as_the_settings_say(
    tmp_path: Path, web: dict[str, Any], policy: str | None
) -> None:
    async with serving(in_memory(web={"url": "https://fabro.example.com", **web}), tmp_path) as server:
        for path, status in (("/health", 200), ("/nowhere", 404)):
            answer = await server.anonymous.get(path, headers={"X-Forwarded-Proto": "http"})
            check(answer, status, https=policy is not None)
            assert answer.headers.get("strict-transport-security") == policy


async def test_transport_security_is_no_matter_below_http(tmp_path: Path) -> None:
    async with serving(in_memory(web={"url": "http://fabro.example.com"}), tmp_path) as server:
        check(await server.anonymous.get("/health", headers={"X-Forwarded-Proto": "https"}), 200)


async def test_a_request_id_is_fresh_and_never_the_clients(server: Server) -> None:
    mine = "3f0c8a52-6c3e-4c55-9d0e-0b5f1c9a7e21"
    seen = {
        (await server.client.get(path, headers={"X-Request-Id": mine})).headers["x-request-id"]
        for path in ("/health", "/health", "/nowhere", "/api/v1/runs")
    }
    assert len(seen) == 4
    assert mine not in seen
