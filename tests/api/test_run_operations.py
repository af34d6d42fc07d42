"""One run: GET, PATCH, DELETE, its parent, cancel, archive (runs.md R3, R6.4, R9, R10, R13), on both stores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.api.seeding import STATUSES, Seed, put

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
PRE_EXECUTION = ("submitted", "pending", "runnable")
LIVE = ("starting", "running", "paused", "blocked")
TERMINAL = ("succeeded", "failed", "dead")


async def seeded(server: Server, status: str, **differences: Any) -> str:
    """A stored run in a status, and its id."""
    seed = Seed(status=status, started=0 if status in LIVE else None, **differences)
    await put(server.store, seed)
    return seed.id


async def run_of(server: Server, run_id: str) -> dict[str, Any]:
    answer = await server.client.get(f"/api/v1/runs/{run_id}")
    assert answer.status_code == 200, answer.text
    run: dict[str, Any] = answer.json()
    return run


async def verb(server: Server, run_id: str, name: str) -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/{name}")


async def link(server: Server, child: str, parent: str) -> httpx.Response:
    return await server.client.put(f"/api/v1/runs/{child}/parent", json={"parent_id": parent})


def code(answer: httpx.Response) -> str | None:
    found: str | None = answer.json()["errors"][0].get("code")
    return found


# -- ids (runs.md R3) ----------------------------------------------------------------------------------------------


async def test_an_id_is_taken_in_any_letter_case_and_given_in_upper_case(server: Server) -> None:
    run = await server.create()
    parent = await server.create()
    lower = run["id"].lower()
    answers = [
        await server.client.get(f"/api/v1/runs/{lower}"),
        await server.client.patch(f"/api/v1/runs/{lower}", json={"title": "Renamed"}),
        await link(server, lower, parent["id"].lower()),
        await server.client.delete(f"/api/v1/runs/{lower}/parent"),
        *[await verb(server, lower, name) for name in ("cancel", "archive", "unarchive")],
    ]
    assert [(answer.status_code, answer.json()["id"]) for answer in answers] == [(200, run["id"])] * 7
    assert answers[2].json()["parent_id"] == parent["id"]


OPERATIONS = [
    ("GET", ""),
    ("PATCH", ""),
    ("PUT", "/parent"),
    ("DELETE", "/parent"),
    ("POST", "/cancel"),
    ("POST", "/archive"),
    ("POST", "/unarchive"),
]
BODIES = {"PATCH": {"title": "Ship"}, "PUT": {"parent_id": UNKNOWN}}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_an_unknown_run_is_not_found_and_no_ulid_is_not_valid(server: Server, method: str, path: str) -> None:
    unknown = await server.client.request(method, f"/api/v1/runs/{UNKNOWN}{path}", json=BODIES.get(method))
    assert (unknown.status_code, code(unknown)) == (404, None)
    for malformed in ("not-an-id", UNKNOWN[:-1], "8" + UNKNOWN[1:], UNKNOWN[:-1] + "U"):
        answer = await server.client.request(method, f"/api/v1/runs/{malformed}{path}", json=BODIES.get(method))
        assert answer.status_code == 400


# -- PATCH (runs.md R5.4, R9) --------------------------------------------------------------------------------------


async def test_a_new_title_is_trimmed_and_logged(server: Server) -> None:
    run = await server.create()
    answer = await server.client.patch(f"/api/v1/runs/{run['id']}", json={"title": "  Ship it — today  "})
    assert answer.json()["title"] == "Ship it — today"
    assert await run_of(server, run["id"]) == answer.json()
    assert await server.log_of(run["id"]) == ["run.created", "run.submitted", "run.title.updated"]


async def test_the_same_title_after_trimming_appends_nothing(server: Server) -> None:
    run = await server.create(title="Ship")
    answer = await server.client.patch(f"/api/v1/runs/{run['id']}", json={"title": " Ship "})
    assert answer.json() == run
    assert await server.log_of(run["id"]) == ["run.created", "run.submitted"]


@pytest.mark.parametrize("status", STATUSES)
async def test_a_title_may_change_in_every_status(server: Server, status: str) -> None:
    run_id = await seeded(server, status)
    answer = await server.client.patch(f"/api/v1/runs/{run_id}", json={"title": "Renamed"})
    assert (answer.status_code, answer.json()["title"]) == (200, "Renamed")
    assert answer.json()["lifecycle"]["status"]["kind"] == status


@pytest.mark.parametrize("title", ["", "  ", "a\nb", "a\tb", "a\u0000b", "a\u0085b", "a" * 101, 7, None, ["a"]])
async def test_a_title_that_is_not_valid_is_refused_before_the_run_is_looked_for(server: Server, title: Any) -> None:
    run = await server.create(title="Ship")
    for run_id in (run["id"], UNKNOWN):
        answer = await server.client.patch(f"/api/v1/runs/{run_id}", json={"title": title})
        assert answer.status_code == 400
    assert (await run_of(server, run["id"]))["title"] == "Ship"


async def test_a_title_may_have_100_characters_of_any_width(server: Server) -> None:
    run = await server.create()
    answer = await server.client.patch(f"/api/v1/runs/{run['id']}", json={"title": "🚀" * 100})
    assert answer.json()["title"] == "🚀" * 100


async def test_nothing_but_the_title_can_be_patched(server: Server) -> None:
    run = await server.create()
    change = {"title": "Renamed", "goal": "other", "labels": {"a": "b"}, "id": UNKNOWN}
    answer = await server.client.patch(f"/api/v1/runs/{run['id']}", json=change)
    assert answer.json() == {**run, "title": "Renamed"}


async def test_patch_ignores_the_content_type(server: Server) -> None:
    run = await server.create()
    answer = await server.client.patch(
        f"/api/v1/runs/{run['id']}", content=b'{"title":"Renamed"}', headers={"Content-Type": "text/plain"}
    )
    assert answer.json()["title"] == "Renamed"


# -- DELETE (runs.md R9) -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [*TERMINAL, "removing"])
async def test_a_run_that_has_ended_is_deleted_and_deleting_it_again_is_fine(server: Server, status: str) -> None:
    run_id = await seeded(server, status)
    first = await server.client.delete(f"/api/v1/runs/{run_id}")
    again = await server.client.delete(f"/api/v1/runs/{run_id}")
    assert [(answer.status_code, answer.content) for answer in (first, again)] == [(204, b""), (204, b"")]
    assert (await server.client.get(f"/api/v1/runs/{run_id}")).status_code == 404
    assert await server.log_of(run_id) == []


async def test_a_run_that_never_was_is_deleted_without_complaint(server: Server) -> None:
    assert (await server.client.delete(f"/api/v1/runs/{UNKNOWN}")).status_code == 204


@pytest.mark.parametrize("status", [*PRE_EXECUTION, *LIVE])
async def test_an_active_run_is_deleted_only_by_force(server: Server, status: str) -> None:
    run_id = await seeded(server, status)
    for query in ("", "?force=false"):
        assert (await server.client.delete(f"/api/v1/runs/{run_id}{query}")).status_code == 409
    assert (await run_of(server, run_id))["lifecycle"]["status"]["kind"] == status
    assert (await server.client.delete(f"/api/v1/runs/{run_id}?force=true")).status_code == 204
    assert (await server.client.get(f"/api/v1/runs/{run_id}")).status_code == 404


@pytest.mark.parametrize("query", ["force=1", "force=", "force=True", "force=yes", "force=true&force=true"])
async def test_force_is_exactly_true_or_false(server: Server, query: str) -> None:
    run_id = await seeded(server, "succeeded")
    assert (await server.client.delete(f"/api/v1/runs/{run_id}?{query}")).status_code == 400
    assert (await server.client.delete(f"/api/v1/runs/{UNKNOWN}?{query}")).status_code == 400
    await run_of(server, run_id)


async def test_children_of_a_deleted_run_keep_their_parent_and_blobs_stay(server: Server) -> None:
    parent = await server.finished()
    child = await server.create(parent_id=parent["id"])
    (created,) = await server.events_of(parent["id"], "run.created")
    assert (await server.client.delete(f"/api/v1/runs/{parent['id']}")).status_code == 204
    assert (await run_of(server, child["id"]))["parent_id"] == parent["id"]
    assert await server.store.get_blob(created["properties"]["manifest_blob"]) is not None


# -- the parent (runs.md R10) --------------------------------------------------------------------------------------


async def test_a_link_is_logged_with_the_previous_parent(server: Server) -> None:
    child, first, second = [await server.create() for _ in range(3)]
    assert (await link(server, child["id"], first["id"])).json()["parent_id"] == first["id"]
    assert (await link(server, child["id"], second["id"])).json()["parent_id"] == second["id"]
    counts = [(await run_of(server, run["id"]))["children_count"] for run in (first, second)]
    assert counts == [0, 1]
    unlinked = await server.client.delete(f"/api/v1/runs/{child['id']}/parent")
    assert (unlinked.status_code, "parent_id" in unlinked.json()) == (200, False)
    assert [event["properties"] for event in await server.events_of(child["id"], "run.parent.linked")] == [
        {"parent_id": first["id"]},
        {"previous_parent_id": first["id"], "parent_id": second["id"]},
    ]
    (unlink,) = await server.events_of(child["id"], "run.parent.unlinked")
    assert unlink["properties"] == {"previous_parent_id": second["id"]}


async def test_the_same_link_again_and_no_link_to_remove_append_nothing(server: Server) -> None:
    child, parent = await server.create(), await server.create()
    before = await server.client.delete(f"/api/v1/runs/{child['id']}/parent")
    assert (before.status_code, before.json()) == (200, child)
    first = await link(server, child["id"], parent["id"])
    again = await link(server, child["id"], parent["id"].lower())
    assert (again.status_code, again.json()) == (200, first.json())
    assert await server.log_of(child["id"]) == ["run.created", "run.submitted", "run.parent.linked"]


async def test_a_link_is_refused_in_the_order_body_child_self_parent_cycle(server: Server) -> None:
    run, child = await server.create(), await server.create()
    await link(server, child["id"], run["id"])
    wrong = {"parent_id": "nope"}
    assert (await server.client.put(f"/api/v1/runs/{UNKNOWN}/parent", json=wrong)).status_code == 400
    assert (await link(server, UNKNOWN, UNKNOWN)).status_code == 404
    itself = await link(server, run["id"], run["id"])
    assert (itself.status_code, "its own parent" in itself.text) == (400, True)
    missing = await link(server, run["id"], UNKNOWN)
    assert (missing.status_code, UNKNOWN in missing.text) == (404, True)
    cycle = await link(server, run["id"], child["id"])
    assert (cycle.status_code, "ancestor" in cycle.text) == (400, True)
    assert "run.parent.linked" not in await server.log_of(run["id"])


@pytest.mark.parametrize("body", [{}, {"parent_id": None}, {"parent_id": 7}, {"parent_id": ""}, [], "x", None])
async def test_a_link_needs_the_id_of_a_parent(server: Server, body: Any) -> None:
    run = await server.create()
    assert (await server.client.put(f"/api/v1/runs/{run['id']}/parent", json=body)).status_code == 400


async def test_a_ring_of_three_is_a_cycle_and_a_missing_ancestor_ends_the_walk(server: Server) -> None:
    a, b, c = [await server.create() for _ in range(3)]
    await link(server, a["id"], b["id"])
    await link(server, b["id"], c["id"])
    assert (await link(server, c["id"], a["id"])).status_code == 400
    orphan = await seeded(server, "submitted", parent_id=UNKNOWN)
    assert (await link(server, c["id"], orphan)).status_code == 200


async def test_a_ring_that_is_stored_already_ends_the_walk(server: Server) -> None:
    first, second = Seed(entropy=1), Seed(entropy=2)
    ring = [Seed(entropy=1, parent_id=second.id), Seed(entropy=2, parent_id=first.id)]
    await put(server.store, *ring)
    run = await server.create()
    assert (await link(server, run["id"], first.id)).status_code == 400


@pytest.mark.parametrize("status", STATUSES)
async def test_a_run_may_be_linked_in_every_status(server: Server, status: str) -> None:
    parent = await server.create()
    run_id = await seeded(server, status)
    assert (await link(server, run_id, parent["id"])).status_code == 200
    assert (await server.client.delete(f"/api/v1/runs/{run_id}/parent")).status_code == 200


# -- cancel (runs.md R13) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", PRE_EXECUTION)
async def test_a_run_that_has_not_started_fails_at_once(server: Server, status: str) -> None:
    run_id = await seeded(server, status)
    answer = await verb(server, run_id, "cancel")
    lifecycle = answer.json()["lifecycle"]
    assert answer.status_code == 200
    assert lifecycle["status"] == {"kind": "failed", "reason": "cancelled"}
    assert (lifecycle["error"]["message"] != "", lifecycle["pending_control"]) == (True, None)
    assert answer.json()["timing"] == dict.fromkeys(
        ("wall_time_ms", "inference_time_ms", "tool_time_ms", "active_time_ms"), 0
    )
    assert answer.json()["timestamps"]["completed_at"] == "2026-03-02T10:15:30Z"
    assert await server.log_of(run_id) == ["run.created", "run.cancel.requested", "run.failed"]
    again = await verb(server, run_id, "cancel")
    assert (again.status_code, code(again)) == (409, "illegal_transition")


@pytest.mark.parametrize("status", LIVE)
async def test_a_live_run_is_asked_to_stop_once(server: Server, status: str) -> None:
    run_id = await seeded(server, status)
    for _ in range(2):
        answer = await verb(server, run_id, "cancel")
        assert (answer.status_code, answer.json()["lifecycle"]["pending_control"]) == (202, "cancel")
        assert answer.json()["lifecycle"]["status"]["kind"] == status
    assert await server.log_of(run_id) == ["run.created", "run.cancel.requested"]


@pytest.mark.parametrize("status", [*TERMINAL, "removing"])
async def test_a_run_that_has_ended_cannot_be_cancelled(server: Server, status: str) -> None:
    run_id = await seeded(server, status)
    answer = await verb(server, run_id, "cancel")
    assert (answer.status_code, code(answer)) == (409, "illegal_transition")
    assert await server.log_of(run_id) == ["run.created"]


@pytest.mark.parametrize("status", [*TERMINAL, "removing"])
async def test_an_archived_run_says_so_before_anything_about_its_status(server: Server, status: str) -> None:
    answer = await verb(server, await seeded(server, status, archived=True), "cancel")
    assert (answer.status_code, code(answer)) == (409, "run_archived")


# -- archive, unarchive (runs.md R6.4, R13) ------------------------------------------------------------------------


@pytest.mark.parametrize("status", TERMINAL)
async def test_archive_and_unarchive_are_idempotent(server: Server, status: str) -> None:
    run_id = await seeded(server, status)
    for name, archived_at in [
        ("unarchive", None),
        ("archive", "2026-03-02T10:15:30Z"),
        ("archive", "2026-03-02T10:15:30Z"),
        ("unarchive", None),
        ("unarchive", None),
    ]:
        answer = await verb(server, run_id, name)
        lifecycle = answer.json()["lifecycle"]
        assert (answer.status_code, lifecycle["archived"], lifecycle["archived_at"]) == (
            200,
            archived_at is not None,
            archived_at,
        )
        assert lifecycle["status"]["kind"] == status
    assert await server.log_of(run_id) == ["run.created", "run.archived", "run.unarchived"]


@pytest.mark.parametrize("status", [*PRE_EXECUTION, *LIVE, "removing"])
async def test_a_run_that_has_not_ended_is_neither_archived_nor_unarchived(server: Server, status: str) -> None:
    run_id = await seeded(server, status)
    for name in ("archive", "unarchive"):
        assert (await verb(server, run_id, name)).status_code == 409
    assert await server.log_of(run_id) == ["run.created"]


async def test_an_archived_run_may_be_read_renamed_linked_and_deleted(server: Server) -> None:
    run, parent = await server.finished(), await server.create()
    await verb(server, run["id"], "archive")
    assert (await run_of(server, run["id"]))["lifecycle"]["archived"] is True
    assert (await server.client.patch(f"/api/v1/runs/{run['id']}", json={"title": "Kept"})).status_code == 200
    assert (await link(server, run["id"], parent["id"])).status_code == 200
    assert (await server.client.delete(f"/api/v1/runs/{run['id']}/parent")).status_code == 200
    assert (await server.client.delete(f"/api/v1/runs/{run['id']}")).status_code == 204


# -- events of changes ---------------------------------------------------------------------------------------------


async def test_an_event_says_who_did_what_and_when(server: Server) -> None:
    run = await server.create()
    server.clock.advance(timedelta(seconds=5))
    cancelled = (await verb(server, run["id"], "cancel")).json()
    assert cancelled["timestamps"]["last_event_at"] == "2026-03-02T10:15:35Z"
    (failed,) = await server.events_of(run["id"], "run.failed")
    assert (failed["seq"], failed["ts"], failed["run_id"]) == (4, "2026-03-02T10:15:35Z", run["id"])
    assert failed["actor"] == run["created_by"]
    failure = failed["properties"]["failure"]
    assert (failure["reason"], failure["detail"]["category"]) == ("cancelled", "canceled")
    assert cancelled["lifecycle"]["error"] == {"message": failure["detail"]["message"]}
