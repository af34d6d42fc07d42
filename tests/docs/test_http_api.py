"""`docs/http-api.md` against a server: its parameters, codes and manifest."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from fabro_auth_devtoken import new_token
from fabro_core import create_app
from fabro_core.http.failures import ErrorResponse
from tests.docs.documents import ROOT, blocks, code, table

pytestmark = pytest.mark.anyio

SETTINGS = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}}}


@pytest.fixture
async def client(tmp_path: Path, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    token = new_token()
    environ = {"FABRO_HOME": str(tmp_path), "FABRO_DEV_TOKEN": token, "SESSION_SECRET": "s" * 32}
    fabro = create_app(SETTINGS, environ=environ)
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(fabro)
    async with fabro.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as it:
        yield it


async def api_document(client: httpx.AsyncClient) -> dict[str, Any]:
    document: dict[str, Any] = (await client.get("/api/v1/openapi.json")).json()
    return document


async def test_the_table_of_parameters_is_that_of_the_api_document(client: httpx.AsyncClient) -> None:
    documented = {code(cells[0])[0]: cells[2] for cells in table("docs/http-api.md", "Parameter")}
    served = {
        parameter["name"]: parameter["schema"].get("default")
        for parameter in (await api_document(client))["paths"]["/api/v1/runs"]["get"]["parameters"]
    }
    assert documented.keys() == served.keys()
    for name, default in served.items():
        if default not in (None, []):
            shown = default if isinstance(default, str) else json.dumps(default)
            assert documented[name] == f"`{shown}`"


def test_every_code_that_an_error_can_have_is_in_the_table() -> None:
    sources = [path.read_text() for path in (ROOT / "fabro_core").rglob("*.py") if path.parent.name != "testing"]
    built = re.compile(r'code="([a-z_]+)"|(?:Unauthenticated|_unavailable)\((?:"[^"]*", )?"([a-z_]+)"')
    raised = {name for source in sources for match in built.findall(source) for name in match if name}
    documented = {name for cells in table("docs/http-api.md", "Status", "Code") for name in code(cells[1])}
    assert documented == raised


async def test_the_manifest_creates_a_run(client: httpx.AsyncClient) -> None:
    _, manifest = blocks("docs/http-api.md", "json")
    assert (await client.post("/api/v1/runs", content=manifest)).status_code == 201


async def test_the_error_has_the_form_that_a_missing_run_is_answered_with(client: httpx.AsyncClient) -> None:
    shown = msgspec.json.decode(blocks("docs/http-api.md", "json")[0], type=ErrorResponse)
    answer = await client.get("/api/v1/runs/01KJQ0QEPA7V9X1B2C4D6F8G0H")
    found = msgspec.json.decode(answer.content, type=ErrorResponse)

    assert (found.errors[0].status, found.errors[0].detail) == (shown.errors[0].status, shown.errors[0].detail)
    assert answer.json().keys() == json.loads(blocks("docs/http-api.md", "json")[0]).keys()
