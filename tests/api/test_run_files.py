"""Files and commits of runs (events.md E15), on both stores."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.runs.samples import SAMPLES
from tests.runs.test_patches import ADDED, BINARY, DELETED, MODIFIED, RENAMED

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
SHA = "9f1c2d3"
NOTHING = {
    "source": "final_patch",
    "scope": "committed",
    "stats": {"additions": 0, "deletions": 0},
    "truncated": False,
    "total_changed": 0,
    "degraded": False,
}
GONE = {**NOTHING, "degraded": True, "degraded_reason": "sandbox_gone"}


async def post(server: Server, run_id: str, name: str, **changes: Any) -> None:
    properties = {**SAMPLES[name], **changes}
    event = {"id": name, "ts": "2026-03-02T10:20:00Z", "run_id": run_id, "event": name, "properties": properties}
    answer = await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)
    assert answer.status_code == 200, answer.text


async def begun(server: Server, *more: str, base_sha: str | None = SHA) -> str:
    """A run that works, and then what is named."""
    run_id: str = (await server.create())["id"]
    for name in ("run.runnable", "run.starting"):
        await post(server, run_id, name)
    await post(server, run_id, "run.started", base_sha=base_sha)
    for name in ("run.running", *more):
        await post(server, run_id, name)
    return run_id


async def files(server: Server, run_id: str, **query: Any) -> httpx.Response:
    return await server.client.get(f"/api/v1/runs/{run_id}/files", params=query)


async def commits(server: Server, run_id: str, **query: Any) -> httpx.Response:
    return await server.client.get(f"/api/v1/runs/{run_id}/commits", params=query)


async def test_a_run_without_a_first_commit_has_changed_nothing(server: Server) -> None:
    for run_id in ((await server.create())["id"], await begun(server, base_sha=None)):
        answer = await files(server, run_id)
        assert (answer.status_code, answer.json()) == (200, {"data": [], "meta": NOTHING})


@pytest.mark.parametrize("end", ["run.completed", "run.failed"])
async def test_the_final_patch_is_served_file_by_file(server: Server, end: str) -> None:
    run_id = await begun(server, "sandbox.initialized")
    await post(server, run_id, end, final_patch=MODIFIED + ADDED + DELETED + RENAMED + BINARY)
    answer = (await files(server, run_id)).json()
    assert answer["data"][0] == {
        "old_file": {"name": "src/app.py", "contents": None},
        "new_file": {"name": "src/app.py", "contents": None},
        "change_kind": "modified",
        "unified_patch": MODIFIED,
    }
    assert [each["change_kind"] for each in answer["data"]] == ["modified", "added", "deleted", "renamed", "modified"]
    assert [each.get("binary", False) for each in answer["data"]] == [False, False, False, False, True]
    assert "".join(each["unified_patch"] for each in answer["data"]) == MODIFIED + ADDED + DELETED + RENAMED + BINARY
    assert answer["meta"] == {**GONE, "stats": {"additions": 3, "deletions": 2}, "total_changed": 5}


async def test_a_final_patch_is_served_whether_or_not_there_was_a_sandbox(server: Server) -> None:
    run_id = await begun(server)
    await post(server, run_id, "run.completed", final_patch=DELETED)
    assert (await files(server, run_id)).json()["meta"]["total_changed"] == 1


async def test_without_a_patch_a_sandbox_that_is_out_of_reach_has_no_entries(server: Server) -> None:
    working, ended = await begun(server, "sandbox.initialized"), await begun(server, "sandbox.initialized")
    await post(server, ended, "run.completed", final_patch="")
    for run_id in (working, ended):
        assert (await files(server, run_id)).json() == {"data": [], "meta": GONE}


@pytest.mark.parametrize("events", [(), ("sandbox.initializing",), ("sandbox.failed",)])
async def test_a_sandbox_that_was_never_there_is_not_found(server: Server, events: tuple[str, ...]) -> None:
    assert (await files(server, await begun(server, *events))).status_code == 404


async def test_a_resumed_run_has_no_final_patch(server: Server) -> None:
    run_id = await begun(server, "sandbox.initialized", "checkpoint.completed")
    await post(server, run_id, "run.failed", final_patch=DELETED)
    await server.client.post(f"/api/v1/runs/{run_id}/start", json={"resume": True})
    assert (await files(server, run_id)).json() == {"data": [], "meta": GONE}


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ({}, "committed"),
        ({"scope": "committed"}, "committed"),
        ({"scope": "uncommitted"}, "uncommitted"),
        ({"scope": "all"}, "all"),
        ({"from_sha": SHA, "to_sha": "f" * 40}, "range"),
        ({"page[limit]": 1, "page[offset]": 7}, "committed"),
    ],
)
async def test_the_answer_tells_the_scope_that_was_asked_for(server: Server, query: dict[str, Any], scope: str) -> None:
    run_id = await begun(server, "sandbox.initialized")
    await post(server, run_id, "run.completed", final_patch=MODIFIED + DELETED)
    answer = (await files(server, run_id, **query)).json()
    assert (answer["meta"]["scope"], len(answer["data"])) == (scope, 2)


@pytest.mark.parametrize(
    "query",
    [
        {"scope": "Committed"},
        {"scope": "range"},
        {"scope": ""},
        {"from_sha": SHA},
        {"to_sha": SHA},
        {"from_sha": SHA, "to_sha": SHA, "scope": "committed"},
        {"from_sha": SHA, "to_sha": "f" * 6},
        {"from_sha": SHA, "to_sha": "f" * 41},
        {"from_sha": SHA, "to_sha": "F" * 7},
        {"from_sha": SHA, "to_sha": ""},
        {"page[limit]": "x"},
        {"page[offset]": "-1"},
    ],
)
async def test_what_cannot_be_asked_for_is_not_valid(server: Server, query: dict[str, Any]) -> None:
    assert (await files(server, UNKNOWN, **query)).status_code == 400


async def test_no_run_has_no_files_and_no_commits(server: Server) -> None:
    assert (await files(server, UNKNOWN)).status_code == 404
    assert (await commits(server, UNKNOWN)).status_code == 404


@pytest.mark.parametrize(("limit", "status"), [("0", 400), ("x", 400), ("1", 503), ("100", 503), ("101", 503)])
async def test_commits_need_a_sandbox_driver(server: Server, limit: str, status: int) -> None:
    run_id = await begun(server, "sandbox.initialized")
    assert (await commits(server, run_id, limit=limit)).status_code == status


async def test_commits_need_a_first_commit_and_a_sandbox(server: Server) -> None:
    for run_id in (await begun(server, "sandbox.initialized", base_sha=None), await begun(server)):
        assert (await commits(server, run_id)).status_code == 409
