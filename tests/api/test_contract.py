"""Real answers, compared with the API contract and with the API document of this server."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server, manifest
from tests.api.contract import HAS_CONTRACT, contract, needs_contract, own_document, resolved, validator
from tests.api.documents import operations
from tests.api.seeding import STATUSES, Seed, put

pytestmark = [pytest.mark.anyio, needs_contract]

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"


def check(answer: httpx.Response, operation_id: str) -> None:
    """The body is what our document, and the contract where there is one, say about this operation and status."""
    for document in (own_document(), *([contract()] if HAS_CONTRACT else [])):
        method, _, operation = operations(document)[operation_id]
        assert answer.request.method.lower() == method
        schema = json_schema(resolved(document, operation["responses"][str(answer.status_code)]))
        if schema is None:
            assert answer.content == b""
        else:
            validator(document, schema).validate(answer.json())


def json_schema(content: dict[str, Any]) -> Any:
    return content.get("content", {}).get("application/json", {}).get("schema")


def check_error(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    for document in (own_document(), *([contract()] if HAS_CONTRACT else [])):
        validator(document, {"$ref": "#/components/schemas/ErrorResponse"}).validate(answer.json())


async def test_discovery_and_accounts(server: Server) -> None:
    for path, operation_id in {
        "/": "getRoot",
        "/health": "getHealth",
        "/api/v1/health": "getApiHealth",
        "/api/v1/openapi.json": "getOpenApiSpec",
        "/api/v1/user": "getUser",
        "/api/v1/auth/me": "getAuthMe",
        "/api/v1/auth/config": "getAuthConfig",
        "/api/v1/system/info": "getSystemInfo",
    }.items():
        answer = await server.client.get(path)
        assert answer.status_code == 200
        check(answer, operation_id)


@pytest.mark.parametrize("name", ["hello", "release", "review"])
async def test_a_run_through_its_life(server: Server, name: str) -> None:
    client, parent = server.client, await server.create()
    body = json.dumps(manifest(name=name, args={"label": ["team=web"]}))
    created = await client.post("/api/v1/runs", content=body)
    check(created, "createRun")
    path = f"/api/v1/runs/{created.json()['id']}"
    check(await client.get(path), "retrieveRun")
    check(await client.get("/api/v1/runs/resolve", params={"selector": created.json()["id"]}), "resolveRun")
    check(await client.patch(path, json={"title": "Renamed"}), "updateRun")
    check(await client.put(f"{path}/parent", json={"parent_id": parent["id"]}), "linkRunParent")
    check(await client.get("/api/v1/runs"), "listRuns")
    check(await client.delete(f"{path}/parent"), "unlinkRunParent")
    check(await client.post(f"{path}/cancel"), "cancelRun")
    check(await client.post(f"{path}/archive"), "archiveRun")
    check(await client.post(f"{path}/unarchive"), "unarchiveRun")
    check(await client.delete(path), "deleteRun")


async def test_runs_in_every_status(server: Server) -> None:
    await put(
        server.store,
        *(
            Seed(status=status, entropy=index, started=5, lasted=7, changes=index, usd_micros=index * 40_000_000)
            for index, status in enumerate(STATUSES)
        ),
        Seed(status="failed", archived=True, entropy=99),
    )
    answer = await server.client.get("/api/v1/runs?page[limit]=100&include_archived=true")
    assert len(answer.json()["data"]) == len(STATUSES)  # without the removing one, with the archived one
    check(answer, "listRuns")
    live = await server.client.post(f"/api/v1/runs/{Seed(entropy=4).id}/cancel")
    assert live.status_code == 202
    check(live, "cancelRun")


async def test_batches(server: Server) -> None:
    ended, active = await server.finished(), await server.create()
    run_ids = {"run_ids": [ended["id"], active["id"], UNKNOWN]}
    for path, operation_id in {
        "/api/v1/runs/archive": "batchArchiveRuns",
        "/api/v1/runs/unarchive": "batchUnarchiveRuns",
        "/api/v1/runs/delete": "batchDeleteRuns",
    }.items():
        answer = await server.client.post(path, json=run_ids)
        assert answer.json()["summary"]["failed"] > 0
        check(answer, operation_id)


async def test_errors(server: Server) -> None:
    client, run = server.client, await server.create()
    check_error(await client.get("/api/v1/runs/nope"), 400)
    check_error(await server.anonymous.get("/api/v1/runs"), 401)
    check_error(await client.get(f"/api/v1/runs/{UNKNOWN}"), 404)
    check_error(await client.get("/nowhere"), 404)
    check_error(await client.put("/api/v1/runs"), 405)
    check_error(await client.post(f"/api/v1/runs/{run['id']}/archive"), 409)
    check_error(await client.post("/api/v1/runs/archive", content=b"x" * 2_097_153), 413)
    check_error(await client.post("/api/v1/runs/archive", content=b"x", headers={"Content-Type": "text/plain"}), 415)
