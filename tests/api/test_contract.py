"""The API document and real answers, compared with the API contract."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server, manifest
from tests.api.contract import contract, needs_contract, resolved, validator
from tests.api.seeding import STATUSES, Seed, put

pytestmark = [pytest.mark.anyio, needs_contract]

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
NEVER_ANSWERED = {
    ("deleteRun", "200"),  # needs a sandbox driver
    ("deleteRun", "404"),  # a missing run is deleted already (runs.md R9)
    ("forkRun", "501"),  # every run has its history here
    ("rewindRun", "501"),
    ("getRunTimeline", "501"),
    ("listRunCommits", "200"),  # needs a sandbox driver
}
UNNAMED_BODIES = {"submitRunAnswer"}  # a union of Structs, which our document writes out
UNNAMED_ANSWERS = {
    "retrieveRunCheckpoint": {"200"},  # or null: anyOf in our document, oneOf in the contract
    "retrieveRunSettings": {"200"},  # or with origins
}
OWN_PARAMETERS = {"retrieveRunSettings": {("origins", "query"): False}}
BEYOND_THE_CONTRACT = {"createWorkerToken", "getReady"}
LEFT_OUT = {
    "BatchDeleteRunsResult": {"sandbox"},  # needs a sandbox driver
    "FileDiff": {"sensitive", "truncated", "truncation_reason"},  # need a sandbox driver
    "RunFilesMeta": {"files_omitted_by_budget", "to_sha", "to_sha_committed_at"},  # need a sandbox driver
    "ErrorResponse": {"leftover_env_keys", "removed_env_keys"},  # of the install wizard (server.md S28)
    "SystemInfoResponse": {"sandbox_provider"},  # needs a sandbox driver
    "WorkflowDiagnostic": {"span_start", "span_len", "related"},  # a place is told by line and column
}
ADDED = {
    "AuthConfigResponse": {"options"},
    "HealthResponse": {"store"},
    "RunCheckpointSettings": {"commit_timeout_ms"},
    "RunProjection": {"approval"},
    "StageProjection": {"graph_visit", "handler", "resumed_from_stage_id"},
    "SystemInfoResponse": {"auth_methods"},
}
VERBS = ("get", "put", "post", "patch", "delete")


# -- the document --------------------------------------------------------------------------------------------------


@pytest.fixture
async def document(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = (await server.anonymous.get("/api/v1/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation, by its id; a path's own parameters are those of each."""
    return {
        operation["operationId"]: (
            method,
            path,
            {**operation, "parameters": [*item.get("parameters", []), *operation.get("parameters", [])]},
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in VERBS
    }


def parameters(document: dict[str, Any], operation: dict[str, Any]) -> dict[tuple[str, str], bool]:
    described = [resolved(document, each) for each in operation.get("parameters", [])]
    return {(each["name"], each["in"]): each.get("required", False) for each in described}


def json_schema(content: dict[str, Any]) -> Any:
    return content.get("content", {}).get("application/json", {}).get("schema")


async def test_every_operation_is_one_of_the_contract(document: dict[str, Any]) -> None:
    ours, theirs = operations(document), operations(contract())
    assert set(ours) - set(theirs) == BEYOND_THE_CONTRACT
    for name in ours.keys() & theirs.keys():
        assert ours[name][:2] == theirs[name][:2]
        assert ours[name][2].get("security") == theirs[name][2].get("security")


async def test_parameters_and_bodies_are_those_of_the_contract(document: dict[str, Any]) -> None:
    whole = contract()
    ours, theirs = operations(document), operations(whole)
    for name in ours.keys() & theirs.keys():
        (_, _, mine), (_, _, its) = ours[name], theirs[name]
        assert parameters(document, mine) == parameters(whole, its) | OWN_PARAMETERS.get(name, {}), name
        if name not in UNNAMED_BODIES:
            assert json_schema(mine.get("requestBody", {})) == json_schema(its.get("requestBody", {})), name


async def test_every_answer_of_the_contract_is_described_with_its_schema(document: dict[str, Any]) -> None:
    ours, theirs = operations(document), operations(contract())
    for name in ours.keys() & theirs.keys():
        mine, its = ours[name][2]["responses"], theirs[name][2]["responses"]
        assert {(name, status) for status in its.keys() - mine.keys()} <= NEVER_ANSWERED
        for status in (its.keys() & mine.keys()) - UNNAMED_ANSWERS.get(name, set()):
            assert json_schema(mine[status]) == json_schema(its[status]), (name, status)


async def test_schemas_have_the_members_of_the_contract(document: dict[str, Any]) -> None:
    ours, theirs = document["components"]["schemas"], contract()["components"]["schemas"]
    for name in ours.keys() & theirs.keys():
        mine, its = set(ours[name].get("properties", {})), set(theirs[name].get("properties", {}))
        assert (its - mine, mine - its) == (LEFT_OUT.get(name, set()), ADDED.get(name, set())), name
        assert set(theirs[name].get("required", [])) <= set(ours[name].get("required", [])), name
        assert set(theirs[name].get("enum", [])) == set(ours[name].get("enum", [])), name


# -- answers -------------------------------------------------------------------------------------------------------


def check(answer: httpx.Response, operation_id: str) -> None:
    """The body is what the contract says about this operation and status."""
    document = contract()
    method, _, operation = operations(document)[operation_id]
    assert answer.request.method.lower() == method
    schema = json_schema(resolved(document, operation["responses"][str(answer.status_code)]))
    if schema is None:
        assert answer.content == b""
    else:
        validator(document, schema).validate(answer.json())


def check_error(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    validator(contract(), {"$ref": "#/components/schemas/ErrorResponse"}).validate(answer.json())


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
