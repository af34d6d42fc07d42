"""MCP servers over HTTP, in the store and in the settings of runs (resources.md X9, X16 row 15)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import SESSION_SECRET, Server, in_memory, manifest, serving
from tests.api.stored_bytes import bytes_below
from tests.api.test_contract import check, check_error
from tests.api.test_revisioned import HTTP, MCP_SERVERS, STALE, created, put

pytestmark = pytest.mark.anyio

SQLITE = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "sqlite"}}}
STDIO = {"type": "stdio", "command": ["mcp"], "env": {"B": "two-hidden", "A": "one-hidden"}}
SANDBOX = {"type": "sandbox", "protocol": "sse", "command": ["mcp"], "port": 8080, "env": {"B": "two-hidden"}}


@pytest.mark.parametrize(
    ("transport", "view"),
    [
        (STDIO, {"type": "stdio", "command": ["mcp"], "env_keys": ["A", "B"]}),
        (SANDBOX, {"type": "sandbox", "protocol": "sse", "command": ["mcp"], "port": 8080, "env_keys": ["B"]}),
        (
            HTTP,
            {
                "type": "http",
                "protocol": "streamable_http",
                "url": "https://mcp.example.com/",
                "header_keys": ["Authorization", "X-Team"],
            },
        ),
    ],
    ids=["stdio", "sandbox", "http"],
)
async def test_a_view_has_sorted_names_and_no_value(server: Server, transport: Any, view: Any) -> None:
    body = {"id": "tickets", **MCP_SERVERS.definition, "transport": transport}
    answers = [
        await server.client.post(MCP_SERVERS.path, json=body),
        await server.client.get(MCP_SERVERS.at("tickets")),
    ]
    check(answers[0], "createMcpServer")
    for answer in answers:
        assert answer.json() == {
            "id": "tickets",
            "revision": answer.json()["revision"],
            "display_name": "Tickets",
            "description": None,
            "transport": view,
            "startup_timeout_secs": 30,
            "tool_timeout_secs": 60,
        }
    listed = await server.client.get(MCP_SERVERS.path)
    for answer in (*answers, listed):
        assert "hidden" not in answer.text
        assert "Bearer" not in answer.text


@pytest.mark.parametrize(
    "change",
    [
        {"transport": {**STDIO, "type": "odd"}},
        {"transport": {**STDIO, "command": []}},
        {"transport": {**STDIO, "odd": 1}},
        {"transport": {"type": "stdio", "command": ["mcp"]}},
        {"transport": {**SANDBOX, "port": 0}},
        {"transport": {**SANDBOX, "port": 65_536}},
        {"transport": {**HTTP, "protocol": "smtp"}},
        {"transport": {**HTTP, "url": "mcp.example.com"}},
        {"transport": {**HTTP, "url": "http://["}},
        {"transport": {**HTTP, "headers": {"A": None}}},
        {"startup_timeout_secs": -1},
        {"tool_timeout_secs": 1.5},
        {"display_name": None},
    ],
)
async def test_what_no_server_can_be_is_422(server: Server, change: dict[str, Any]) -> None:
    body = {"id": "tickets", **MCP_SERVERS.definition, **change}
    check_error(await server.client.post(MCP_SERVERS.path, json=body), 422)


@pytest.mark.slow
async def test_the_store_does_not_see_values(tmp_path: Path) -> None:
    async with serving(SQLITE, tmp_path) as server:
        body = {"id": "tickets", **MCP_SERVERS.definition, "transport": STDIO}
        assert (await server.client.post(MCP_SERVERS.path, json=body)).status_code == 201
        assert (await server.client.get(MCP_SERVERS.at("tickets"))).status_code == 200
        stored = bytes_below(tmp_path)
        assert b"Tickets" in stored
        assert b"hidden" not in stored
    assert b"hidden" not in bytes_below(tmp_path)


async def test_without_a_session_secret_nothing_is_set(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path, session_secret=None) as server:
        for answer in (
            await server.client.post(MCP_SERVERS.path, json={"id": "ci", **MCP_SERVERS.definition}),
            await put(server, MCP_SERVERS, STALE),
        ):
            check_error(answer, 503)
            assert answer.json()["errors"][0]["code"] == "secrets_unavailable"
        assert (await server.client.get(MCP_SERVERS.path)).json() == {"data": [], "meta": {"total": 0}}


@pytest.mark.slow
async def test_another_session_secret_shows_and_deletes_but_does_not_replace(tmp_path: Path) -> None:
    async with serving(SQLITE, tmp_path) as server:
        first = await created(server, MCP_SERVERS)
    async with serving(SQLITE, tmp_path, session_secret="n" * 64) as server:
        assert (await server.client.get(MCP_SERVERS.at("ci"))).json() == first
        check_error(await put(server, MCP_SERVERS, first["revision"]), 503)
        gone = await server.client.delete(MCP_SERVERS.at("ci"), headers={"If-Match": first["revision"]})
        assert gone.status_code == 204
        await created(server, MCP_SERVERS)


@pytest.mark.slow
async def test_a_replaced_session_secret_goes_on_with_what_the_old_one_has_sealed(tmp_path: Path) -> None:
    async with serving(SQLITE, tmp_path) as server:
        first = await created(server, MCP_SERVERS)
    rotated = {"SESSION_SECRET_PREVIOUS": SESSION_SECRET}
    async with serving(SQLITE, tmp_path, session_secret="n" * 64, **rotated) as server:
        assert (await server.client.get(MCP_SERVERS.at("ci"))).json() == first
    async with serving(SQLITE, tmp_path, session_secret="n" * 64) as server:
        assert (await put(server, MCP_SERVERS, first["revision"], **MCP_SERVERS.change)).status_code == 200


async def test_runs_refer_to_servers_and_learn_no_value(server: Server) -> None:
    body = manifest()
    source = '[run.agent.mcps.tracker]\nid = "ci"\n'
    body["workflows"][body["target"]["path"]]["config"] = {"path": "examples/workflow.toml", "source": source}
    check_error(await server.client.post("/api/v1/runs", json=body), 400)
    await created(server, MCP_SERVERS)
    run = await server.client.post("/api/v1/runs", json=body)
    assert run.status_code == 201, run.text
    settings = (await server.client.get(f"/api/v1/runs/{run.json()['id']}/settings")).json()
    tracker = settings["run"]["agent"]["mcps"]["tracker"]
    assert tracker["transport"]["url"] == "https://mcp.example.com/"
    assert "Bearer" not in json.dumps(settings)
