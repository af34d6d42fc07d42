"""POST /runs and the Run it answers (runs.md R5, R8)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ulid import ULID

from fabro_core.models.instant import parse_instant
from fabro_core.store.records import EventQuery
from tests.api.conftest import Server, manifest

pytestmark = pytest.mark.anyio

KEYS_OF_A_NEW_RUN = {
    "id", "children_count", "title", "goal", "workflow", "automation", "repository", "created_by", "origin", "labels",
    "lifecycle", "sandbox", "models", "source_directory", "timestamps", "timing", "billing", "size", "ask_fabro",
    "diff", "pull_request", "current_question", "superseded_by", "retried_from", "links",
}  # fmt: skip


@pytest.mark.parametrize("name", ["hello", "release", "review"])
async def test_each_example_becomes_a_submitted_run_with_every_key(server: Server, name: str) -> None:
    run = await server.create(name=name)
    assert set(run) == KEYS_OF_A_NEW_RUN
    assert run["lifecycle"]["status"] == {"kind": "submitted"}
    assert (run["size"], run["timing"], run["children_count"]) == ("XS", None, 0)
    assert run["workflow"]["slug"] == name
    assert run["created_by"] == {
        "kind": "user",
        "identity": {"issuer": "fabro:dev", "subject": "dev"},
        "login": "dev",
        "auth_method": "dev_token",
    }
    assert run["links"] == {"web": f"http://localhost:3000/runs/{run['id']}"}
    assert (await server.client.get(f"/api/v1/runs/{run['id']}")).json() == run


async def test_created_at_is_the_instant_inside_the_id(server: Server) -> None:
    run = await server.create()
    assert parse_instant(run["timestamps"]["created_at"]) == ULID.from_str(run["id"]).datetime


async def test_title_labels_and_repository_come_from_the_manifest(server: Server) -> None:
    run = await server.create(
        title="  Ship it  ",
        args={"label": ["team=web", "dropped", "note=a=b"]},
        git={"origin_url": "https://github.com/acme/shop.git", "branch": "main", "dirty": "clean"},
    )
    assert run["title"] == "Ship it"
    assert run["labels"] == {"team": "web", "note": "a=b"}
    assert run["repository"] == {
        "name": "acme/shop",
        "origin_url": "https://github.com/acme/shop.git",
        "provider": "github",
    }


async def test_a_child_is_counted_by_its_parent(server: Server) -> None:
    parent = await server.create()
    child = await server.create(parent_id=parent["id"].lower())
    assert child["parent_id"] == parent["id"]
    assert (await server.client.get(f"/api/v1/runs/{parent['id']}")).json()["children_count"] == 1


async def test_an_unknown_parent_is_not_found(server: Server) -> None:
    answer = await server.client.post(
        "/api/v1/runs", content=json.dumps(manifest(parent_id="01KJQ0QEPA7V9X1B2C4D6F8G0H"))
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b"[" * 20_000,
        json.dumps(manifest(version=2)).encode(),
        json.dumps(manifest(version="1")).encode(),
        json.dumps(manifest(version=None)).encode(),
        json.dumps(manifest(workflows={})).encode(),
        json.dumps(manifest(workflows=None)).encode(),
        json.dumps(manifest(target={"path": "/etc/passwd"})).encode(),
        json.dumps(manifest(title=" ")).encode(),
        json.dumps(manifest(title="a\nb")).encode(),
        json.dumps(manifest(title="a" * 101)).encode(),
        json.dumps(manifest(parent_id="nope")).encode(),
        json.dumps(manifest(args={"input": ["novalue"]})).encode(),
        json.dumps(manifest(args={"environment": "unknown"})).encode(),
        json.dumps(manifest(configs=[{"type": "project", "path": "p.toml", "source": "= broken"}])).encode(),
    ],
)
async def test_a_manifest_that_is_not_valid_is_refused_and_creates_nothing(server: Server, body: bytes) -> None:
    answer = await server.client.post("/api/v1/runs", content=body)
    assert answer.status_code == 400, answer.text
    assert (await server.client.get("/api/v1/runs")).json()["meta"]["total"] == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("digraph D { start [shape=Mdiamond] exit [shape=Msquare] start -> exit", "w.fabro:1:"),
        ("digraph D {\n  a -- b\n}", "w.fabro:2:5"),
        ("digraph D { a [shape=Mdiamond] b [shape=Mdiamond] exit [shape=Msquare] a -> exit b -> exit }", "start_node"),
        ("digraph D { start [shape=Mdiamond] a start -> a }", "terminal_node"),
        ("digraph D { start [shape=Mdiamond] exit [shape=Msquare] start -> exit start -> gone }", "edge_target_exists"),
        (
            "digraph D { start [shape=Mdiamond] exit [shape=Msquare] start -> exit [condition=x] }",
            "all_conditional_edges",
        ),
    ],
)
async def test_a_graph_that_is_not_valid_is_refused_with_its_place(server: Server, source: str, said: str) -> None:
    body = manifest(target={"path": "w.fabro"}, workflows={"w.fabro": {"source": source}})
    answer = await server.client.post("/api/v1/runs", content=json.dumps(body))
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}]
)
async def test_the_content_type_is_ignored(server: Server, headers: dict[str, str]) -> None:
    answer = await server.client.post("/api/v1/runs", content=json.dumps(manifest()), headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        ("fabro-cli/1.4.0", {"user_agent": "fabro-cli/1.4.0", "name": "fabro-cli", "version": "1.4.0"}),
        ("fabro-web/2 Mozilla/5.0", {"user_agent": "fabro-web/2 Mozilla/5.0", "name": "fabro-web", "version": "2"}),
        ("curl/8.5.0", {"user_agent": "curl/8.5.0"}),
        ("curl/8 fabro-cli/1.4.0", {"user_agent": "curl/8 fabro-cli/1.4.0"}),
        ("fabro-cli", {"user_agent": "fabro-cli"}),
        ("", None),
    ],
)
async def test_provenance_keeps_the_client(server: Server, user_agent: str, client: dict[str, str] | None) -> None:
    answer = await server.client.post(
        "/api/v1/runs", content=json.dumps(manifest()), headers={"User-Agent": user_agent}
    )
    created = await _properties_of_run_created(server, answer.json()["id"])
    assert created["provenance"].get("client") == client
    assert created["provenance"]["subject"]["auth_method"] == "dev_token"


async def test_what_was_submitted_is_kept_as_blobs(server: Server) -> None:
    body = json.dumps(manifest(name="release")).encode()
    answer = await server.client.post("/api/v1/runs", content=body)
    created = await _properties_of_run_created(server, answer.json()["id"])
    store = server.app.assembly.store
    assert await store.get_blob(created["manifest_blob"]) == body
    spec = json.loads(await store.get_blob(created["spec_blob"]) or b"")
    assert (spec["run_id"], spec["graph"]) == (answer.json()["id"], created["graph"])


async def _properties_of_run_created(server: Server, run_id: str) -> dict[str, Any]:
    page = await server.app.assembly.store.read(EventQuery(run_id=run_id, limit=10))
    assert [event.kind for event in page.events] == ["run.created", "run.submitted"]
    properties: dict[str, Any] = json.loads(page.events[0].body)["properties"]
    return properties


async def test_a_run_in_place_is_created_as_one(server: Server) -> None:
    for asked, kept in ({"in_place": True}, True), ({"in_place": False}, None), ({}, None):
        run = await server.create(args=asked)
        (event,) = await server.events_of(run["id"], "run.created")
        assert event["properties"].get("in_place") is kept
    refused = await server.client.post("/api/v1/runs", content=json.dumps(manifest(args={"in_place": "yes"})))
    assert refused.status_code == 400
    assert "in_place" in refused.text
