"""Judging workflows before they are run (runs.md R8.7, language.md L14)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fabro_core.runs.off_loop import ON_LOOP_MAX_BYTES
from tests.api.conftest import Server, manifest
from tests.api.contract import needs_contract
from tests.api.test_contract import check

pytestmark = pytest.mark.anyio

ROUTES = {"validate": "validateRunManifest", "preflight": "runPreflight"}


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


def workflow(body: str) -> dict[str, Any]:
    """A manifest of a workflow with these statements."""
    whole: dict[str, Any] = manifest(
        target={"path": "w.fabro"}, workflows={"w.fabro": {"source": f"digraph W {{ {body} }}"}}
    )
    return whole


GOOD = 'goal="Ship" start [shape=Mdiamond] draft [prompt=p] exit [shape=Msquare] start -> draft -> exit'
BROKEN = {
    "start_node": "start [shape=Mdiamond] other [shape=Mdiamond] exit [shape=Msquare] start -> exit other -> exit",
    "terminal_node": "start [shape=Mdiamond] draft start -> draft",
    "edge_target_exists": "start [shape=Mdiamond] exit [shape=Msquare] start -> exit start -> nowhere",
    "all_conditional_edges": "start [shape=Mdiamond] exit [shape=Msquare] start -> exit [condition=x]",
}


@pytest.mark.parametrize("route", ROUTES)
async def test_a_workflow_that_can_be_run_is_ok_and_described_and_no_run_is_created(server: Server, route: str) -> None:
    answer = await server.client.post(f"/api/v1/{route}", content=json.dumps(workflow(GOOD)))
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert answer.json()["workflow"] == {
        "name": "W",
        "graph_path": "w.fabro",
        "nodes": 3,
        "edges": 2,
        "goal": "Ship",
        "diagnostics": [],
    }
    assert (await server.client.get("/api/v1/runs")).json()["meta"]["total"] == 0


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("rule", BROKEN)
async def test_a_broken_rule_is_a_diagnostic_and_not_ok(server: Server, route: str, rule: str) -> None:
    answer = await server.client.post(f"/api/v1/{route}", content=json.dumps(workflow(BROKEN[rule])))
    assert (answer.status_code, answer.json()["ok"]) == (200, False)
    assert rule in {each["rule"] for each in answer.json()["workflow"]["diagnostics"]}


@pytest.mark.parametrize("route", ROUTES)
async def test_a_warning_is_told_and_ok(server: Server, route: str) -> None:
    warned = GOOD.replace("draft [prompt=p] exit", 'draft [prompt=p, type="robot"] exit')
    answer = (await server.client.post(f"/api/v1/{route}", content=json.dumps(workflow(warned)))).json()
    assert [(each["rule"], each["severity"]) for each in answer["workflow"]["diagnostics"]] == [
        ("type_known", "warning")
    ]
    assert answer["ok"] is True


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", json.dumps(workflow("start ->")).encode()])
async def test_what_is_no_manifest_or_no_graph_is_refused(server: Server, route: str, body: bytes) -> None:
    assert (await server.client.post(f"/api/v1/{route}", content=body)).status_code == 400


@pytest.mark.parametrize("route", ROUTES)
async def test_the_content_type_does_not_matter(server: Server, route: str) -> None:
    body, headers = json.dumps(workflow(GOOD)), {"Content-Type": "text/plain"}
    assert (await server.client.post(f"/api/v1/{route}", content=body, headers=headers)).status_code == 200


async def test_preflight_warns_of_what_it_cannot_probe(server: Server) -> None:
    answer = (await server.client.post("/api/v1/preflight", content=json.dumps(workflow(GOOD)))).json()
    (section,) = answer["checks"]["sections"]
    assert [(each["name"], each["status"], each["details"]) for each in section["checks"]] == [
        ("provider", "warning", [{"text": "local", "warn": True}])
    ]


@needs_contract
@pytest.mark.parametrize("route", ROUTES)
async def test_judgements_are_as_the_contract_says(server: Server, route: str) -> None:
    for body in (GOOD, *BROKEN.values()):
        check(await server.client.post(f"/api/v1/{route}", content=json.dumps(workflow(body))), ROUTES[route])


@pytest.mark.parametrize("path", ["validate", "preflight", "graph/render"])
async def test_only_people_may_ask(server: Server, path: str) -> None:
    run_id = (await server.create())["id"]
    issued = await server.client.post(f"/api/v1/runs/{run_id}/worker-token")
    headers = {"Authorization": f"Bearer {issued.json()['token']}"}
    assert (await server.anonymous.post(f"/api/v1/{path}", headers=headers)).status_code == 401


LONG = f"// {'x' * ON_LOOP_MAX_BYTES}\n"
"""Makes a manifest large enough to be read beside the event loop."""
JUDGED = {
    **BROKEN,
    "several": "a b c -> d",
    "warned": GOOD.replace("draft [prompt=p] exit", 'draft [prompt=p, type="robot"] exit'),
}


@pytest.mark.parametrize("body", [GOOD, *JUDGED.values()])
@pytest.mark.parametrize("comment", ["", LONG], ids=["small", "large"])
async def test_create_refuses_exactly_what_preflight_calls_an_error(server: Server, body: str, comment: str) -> None:
    """In the same words and order; `validate` says the same."""
    manifest = json.dumps(workflow(comment + body))
    judged = [(await server.client.post(f"/api/v1/{route}", content=manifest)).json() for route in ROUTES]
    assert judged[0] == {key: value for key, value in judged[1].items() if key != "checks"}
    errors = [each for each in judged[1]["workflow"]["diagnostics"] if each["severity"] == "error"]
    answer = await server.client.post("/api/v1/runs", content=manifest)
    assert answer.status_code == (400 if errors else 201)
    if errors:
        shown = " ".join(f"{each['rule']}: {each['message']}" for each in errors[:5])
        more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
        assert answer.json()["errors"][0]["detail"] == f"w.fabro: {shown}{more}"


@pytest.mark.parametrize("comment", ["", LONG], ids=["small", "large"])
@pytest.mark.parametrize(
    "faults",
    [
        ["version", "title"],
        ["config", "title"],
        ["title", "graph"],
        ["parent_id", "graph"],
        ["graph"],
    ],
)
async def test_create_validate_and_preflight_name_the_same_first_fault(
    server: Server, comment: str, faults: list[str]
) -> None:
    """Of several faults the first in the order of R8.2."""
    bad: dict[str, Any] = {
        "version": {"version": 2},
        "config": {"configs": [{"type": "user", "source": "not toml"}]},
        "title": {"title": ""},
        "parent_id": {"parent_id": "x"},
        "graph": workflow(comment + "start ->"),
    }
    body = workflow(comment + GOOD)
    for fault in faults:
        body |= {key: value for key, value in bad[fault].items() if fault != "graph" or key == "workflows"}
    details = set()
    for route in ("runs", *ROUTES):
        answer = await server.client.post(f"/api/v1/{route}", content=json.dumps(body))
        assert answer.status_code == 400
        details.add(answer.json()["errors"][0]["detail"])
    (detail,) = details
    place = {"config": "configs[0]:1:5", "graph": "w.fabro:"}.get(faults[0], faults[0])
    assert detail.startswith(place)
