"""What a client that knows nothing finds: the root, health, the API document, routes of extensions
(server.md S2, S6, S7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from litestar import Router, get, post
from openapi_spec_validator import validate

from fabro_core.app import create_app
from fabro_core.context import Link
from fabro_core.errors import StartupError
from fabro_core.hooks import hookimpl
from tests.api.conftest import Server, extension, in_memory, serving

pytestmark = pytest.mark.anyio

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
WITH_ACME = in_memory(extensions={"enabled": ["acme"]})


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


# -- the root (server.md S6) ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/plain"])
async def test_the_root_names_three_urls_and_each_answers(server: Server, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = await server.anonymous.get("/", headers=headers)
    assert answer.json() == {
        "urls": {
            "openapi_url": "/api/v1/openapi.json",
            "current_user_url": "/api/v1/user",
            "health_url": "/health",
        }
    }
    assert answer.headers["vary"] == "Accept"
    for url in answer.json()["urls"].values():
        assert (await server.client.get(url)).status_code == 200


async def test_a_browser_is_sent_to_the_pages(server: Server) -> None:
    answer = await server.anonymous.get("/", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"], answer.headers["vary"]) == (303, "/runs", "Accept")


async def test_without_the_web_ui_a_browser_gets_the_urls(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path) as server:
        answer = await server.anonymous.get("/", headers=BROWSER)
        assert (answer.status_code, set(answer.json())) == (200, {"urls"})
        assert answer.headers["vary"] == "Accept"


async def test_urls_carry_the_public_prefix(tmp_path: Path) -> None:
    async with serving(in_memory(web={"url": "https://example.com/fabro/"}), tmp_path) as server:
        assert (await server.anonymous.get("/")).json()["urls"] == {
            "openapi_url": "/fabro/api/v1/openapi.json",
            "current_user_url": "/fabro/api/v1/user",
            "health_url": "/fabro/health",
        }
        at_home = BROWSER | {"Host": "example.com"}
        assert (await server.anonymous.get("/", headers=at_home)).headers["location"] == "/fabro/runs"
        document = (await server.anonymous.get("/api/v1/openapi.json")).json()
        assert document["servers"] == [{"url": "/fabro"}]


async def test_the_url_of_the_api_is_advertised(tmp_path: Path) -> None:
    async with serving(in_memory(api={"url": "https://api.example.com/v1/"}), tmp_path) as server:
        assert (await server.anonymous.get("/")).json()["urls"] == {
            "openapi_url": "https://api.example.com/v1/openapi.json",
            "current_user_url": "https://api.example.com/v1/user",
            "health_url": "https://api.example.com/v1/health",
        }


async def test_links_of_plugins_are_listed_under_their_name(tmp_path: Path) -> None:
    @hookimpl
    def fabro_discovery_links() -> list[Link]:
        return [Link(rel="report_url", href="/ext/acme/report"), Link(rel="docs_url", href="https://acme.example/docs")]

    settings = in_memory(extensions={"enabled": ["acme"]}, web={"url": "https://example.com/fabro"})
    async with serving(settings, tmp_path, extension(fabro_discovery_links=fabro_discovery_links)) as server:
        urls = (await server.anonymous.get("/")).json()["urls"]
        assert urls["acme.report_url"] == "/fabro/ext/acme/report"
        assert urls["acme.docs_url"] == "https://acme.example/docs"
        assert urls["health_url"] == "/fabro/health"


# -- health (server.md S7) -----------------------------------------------------------------------------------------


async def test_health_is_public_and_tells_nothing_else(server: Server) -> None:
    for path, body in [("/health", "ok"), ("/api/v1/health", "ok"), ("/health/ready", "ready")]:
        for headers in ({}, {"Authorization": "Bearer nonsense"}, BROWSER):
            answer = await server.anonymous.get(path, headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"status": body})


# -- who am I, and how can I sign in (auth.md A16, A17) ------------------------------------------------------------


async def test_the_caller_learns_who_they_are(server: Server) -> None:
    assert (await server.client.get("/api/v1/user")).json() == {"login": "dev"}
    assert (await server.client.get("/api/v1/auth/me")).json() == {
        "user": {
            "login": "dev",
            "name": "Dev Token",
            "email": "dev@fabro.local",
            "idpIssuer": "fabro:dev",
            "idpSubject": "dev",
            "avatarUrl": "",
            "userUrl": "",
        },
        "provider": "dev-token",
        "demoMode": False,
    }


async def test_the_ways_to_authenticate_are_public(server: Server) -> None:
    answer = await server.anonymous.get("/api/v1/auth/config", headers={"Authorization": "Basic x"})
    assert answer.json() == {
        "methods": ["dev-token"],
        "options": [
            {
                "name": "dev-token",
                "kind": "form",
                "label": "Dev token",
                "login_url": "/auth/login/dev-token",
                "fields": [{"name": "token", "label": "Dev token", "secret": True}],
            }
        ],
    }


# -- the API document (server.md S7) -------------------------------------------------------------------------------


async def document_of(server: Server) -> dict[str, Any]:
    document: dict[str, Any] = (await server.anonymous.get("/api/v1/openapi.json")).json()
    return document


async def test_the_document_is_valid_and_names_both_credentials(server: Server) -> None:
    document = await document_of(server)
    validate(document)
    assert document["security"] == [{"BearerAuth": []}, {"SessionCookie": []}]
    schemes = document["components"]["securitySchemes"]
    assert (schemes["BearerAuth"]["scheme"], schemes["SessionCookie"]["name"]) == ("bearer", "__fabro_session")


async def test_the_document_and_the_routes_are_the_same(server: Server) -> None:
    document = await document_of(server)
    described = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    routed = {(each.path, each.method) for each in server.app.endpoints}
    for_browsers = ("/login", "/static/", "/runs", "/account", "/auth/cli/start", "/auth/cli/resume")
    of_methods = {each for each in routed if "{method}" in each[0]}
    others = {each for each in routed - of_methods if not each[0].startswith(for_browsers)}
    assert described == others | {("/auth/login/dev-token", "POST")}


async def test_operations_without_credentials_are_exactly_those_the_document_calls_public(server: Server) -> None:
    document = await document_of(server)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            concrete = path.replace("{id}", "01KJQ0QEPA7V9X1B2C4D6F8G0H")
            answer = await server.anonymous.request(method, concrete)
            if path != "/auth/cli/refresh":  # what it refuses is the refresh token that it takes in place of a body
                assert (answer.status_code == 401) is ("security" not in operation), operation["operationId"]
            assert operation.get("security", []) == []


async def test_the_document_holds_no_settings_and_no_secrets(tmp_path: Path) -> None:
    settings = in_memory(web={"url": "https://fabro.example.com"}, storage={"root": str(tmp_path / "treasure")})
    async with serving(settings, tmp_path) as server:
        text = (await server.anonymous.get("/api/v1/openapi.json")).text
    for value in (server.token, "s" * 64, "treasure", str(tmp_path), "fabro.example.com"):
        assert value not in text


# -- routes of extensions (server.md S2) ---------------------------------------------------------------------------


@get("/ext/acme/report")
async def report() -> dict[str, int]:
    return {"runs": 3}


@get("/ext/acme/open", opt={"public": True})
async def open_door() -> dict[str, str]:
    return {"door": "open"}


@post("/inner")
async def inner() -> dict[str, str]:
    return {}


async def test_routes_of_an_extension_need_credentials_unless_they_are_public(tmp_path: Path) -> None:
    nested = Router("/ext/acme/nested", route_handlers=[inner])
    async with serving(WITH_ACME, tmp_path, extension(report, open_door, nested)) as server:
        assert (await server.anonymous.get("/ext/acme/report")).status_code == 401
        assert (await server.anonymous.post("/ext/acme/nested/inner")).status_code == 401
        assert (await server.client.get("/ext/acme/report")).json() == {"runs": 3}
        assert (await server.client.post("/ext/acme/nested/inner")).status_code == 201
        opened = await server.anonymous.get("/ext/acme/open", headers={"Authorization": "Bearer nonsense"})
        assert opened.json() == {"door": "open"}
        assert opened.headers["x-content-type-options"] == "nosniff"


async def test_routes_of_an_extension_are_in_the_document(tmp_path: Path) -> None:
    nested = Router("/ext/acme/nested", route_handlers=[inner])
    async with serving(WITH_ACME, tmp_path, extension(report, open_door, nested)) as server:
        document = await document_of(server)
    validate(document)
    paths = document["paths"]
    assert {path for path in paths if path.startswith("/ext/")} == {
        "/ext/acme/report",
        "/ext/acme/open",
        "/ext/acme/nested/inner",
    }
    assert "security" not in paths["/ext/acme/report"]["get"]
    assert paths["/ext/acme/open"]["get"]["security"] == []
    assert paths["/api/v1/runs"]["get"]["operationId"] == "listRuns"


@pytest.mark.parametrize(
    "path", ["/", "/report", "/ext/report", "/ext/acmex/report", "/api/v1/runs", "/ext/other/acme"]
)
def test_a_route_anywhere_else_stops_the_start(tmp_path: Path, path: str) -> None:
    @get(path)
    async def misplaced() -> dict[str, str]:
        return {}

    environ = {"FABRO_HOME": str(tmp_path), "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64, "SESSION_SECRET": "s" * 64}
    with pytest.raises(StartupError) as failed:
        create_app(WITH_ACME, plugins=[extension(report, misplaced)], environ=environ)
    assert [problem.line() for problem in failed.value.problems] == [
        f"acme: the route {path} is not below /ext/acme/; move it there"
    ]
