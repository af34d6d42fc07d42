"""No text of a client holds U+0000: every operation refuses it in whatever it takes."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.api.conftest import Server, manifest
from tests.api.contract import own_document

pytestmark = pytest.mark.anyio

METHODS: Final = ("get", "put", "post", "patch", "delete")
OPERATIONS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    operation["operationId"]: (method, path, operation)
    for path, item in own_document()["paths"].items()
    for method, operation in item.items()
    if method in METHODS and not path.startswith("/auth/")
}
JSON: Final = "application/json"
OF_MANIFESTS: Final = ("createRun", "runPreflight", "validateRunManifest")
"""Most of a manifest is kept as it is."""
BYTES: Final = {"Content-Type": "application/octet-stream"}
"""For operations that take them; without a body nobody looks at it."""
NAMED: Final = "U+0000"


def takes(operation_id: str, place: str) -> list[str]:
    return [each["name"] for each in OPERATIONS[operation_id][2].get("parameters", ()) if each["in"] == place]


def path_of(operation_id: str, run_id: str, **changes: str) -> str:
    """The path of an operation, each of whose parameters could be one."""
    of_a_run = OPERATIONS[operation_id][1].startswith(("/api/v1/runs", "/api/v1/sessions"))
    texts = {"id": run_id if of_a_run else "an-id", "stageId": "build@1", "seq": "1", "blobHash": "0" * 64}
    texts = {
        name: texts.get(name, run_id if name.lower().endswith("id") else "A") for name in takes(operation_id, "path")
    }
    return OPERATIONS[operation_id][1].format(**(texts | changes))


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


@pytest.mark.parametrize(
    "operation_id",
    [
        name
        for name, (_, _, each) in OPERATIONS.items()
        if JSON in each.get("requestBody", {}).get("content", {}) and name not in OF_MANIFESTS
    ],
)
async def test_a_body_with_the_character_is_refused_by_every_operation(server: Server, operation_id: str) -> None:
    method = OPERATIONS[operation_id][0]
    path = path_of(operation_id, (await server.create())["id"])
    bodies = [{"a": ["\0"]}, {"\0": 1}]
    if operation_id == "appendRunEvent":  # stores keep what an event says as bytes
        bodies = [submitted(path, **change) for change in EVENT_CHANGES]
    for body in bodies:
        answer = await server.client.request(method, path, content=json.dumps(body), headers={"If-Match": '"x"'})
        assert (answer.status_code, NAMED in answer.json()["errors"][0]["detail"]) == (400, True), body


@pytest.mark.parametrize("operation_id", [name for name in OPERATIONS if takes(name, "query")])
async def test_a_query_with_the_character_is_refused_by_every_operation(server: Server, operation_id: str) -> None:
    run = await server.create()
    for name in takes(operation_id, "query"):
        answer = await server.client.request(
            OPERATIONS[operation_id][0], path_of(operation_id, run["id"]), params={name: "a\0"}, headers=BYTES
        )
        assert (answer.status_code, NAMED in answer.json()["errors"][0]["detail"]) == (400, True), name


@pytest.mark.parametrize("operation_id", [name for name in OPERATIONS if takes(name, "path")])
async def test_a_path_with_the_character_finds_nothing(server: Server, operation_id: str) -> None:
    run = await server.create()
    for name in takes(operation_id, "path"):
        path = path_of(operation_id, run["id"], **{name: "a%00"})
        answer = await server.client.request(OPERATIONS[operation_id][0], path, headers=BYTES)
        assert answer.status_code in (400, 501), name


EVENT_CHANGES: Final[tuple[dict[str, Any], ...]] = (
    {"event": "a\0"},
    {"node_id": "\0"},
    {"stage_id": "\0@1"},
    {"session_id": "\0"},
    {"event": "run.parent.linked", "properties": {"parent_id": "\0"}},
    {"event": "run.session.turn.started", "session_id": "s", "properties": {"turn_id": "\0", "input": ""}},
)


def submitted(path: str, **changes: Any) -> dict[str, Any]:
    event = {"id": "e", "ts": "2026-03-02T10:00:00Z", "run_id": path.split("/")[-2], "event": "custom.told"}
    return event | changes


@pytest.mark.parametrize("label", ["team\0=web", "team=web\0"])
async def test_a_manifest_whose_labels_hold_it_creates_nothing(server: Server, label: str) -> None:
    answer = await server.client.post("/api/v1/runs", json=manifest(args={"label": [label]}))
    assert (answer.status_code, NAMED in answer.json()["errors"][0]["detail"]) == (400, True)
    assert (await server.client.get("/api/v1/runs")).json()["data"] == []


async def test_what_an_event_says_may_hold_it_and_comes_back_as_it_was(server: Server) -> None:
    path = f"/api/v1/runs/{(await server.create())['id']}/events"
    said = {"output": "one\0two", "escaped": "\\u0000"}
    answer = await server.client.post(path, json=submitted(path, properties=said))
    assert answer.status_code == 200, answer.text
    (event,) = [each for each in (await server.client.get(path)).json()["data"] if each["event"] == "custom.told"]
    assert event["properties"] == said


@pytest.mark.parametrize("value", ["\\u0000", "\\\\u0000", "u0000", "\\"])
async def test_a_backslash_before_the_digits_is_no_escape(server: Server, value: str) -> None:
    answer = await server.client.post("/api/v1/variables", content=json.dumps({"name": "A", "value": value}))
    assert answer.status_code == 200, answer.text
    assert (await server.client.get("/api/v1/variables/A")).json()["value"] == value
