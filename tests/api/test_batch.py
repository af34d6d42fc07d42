"""POST /runs/archive, /runs/unarchive, /runs/delete (runs.md R11), on both stores."""

from __future__ import annotations

from typing import Any

import pytest
from ulid import ULID

from tests.api.conftest import Server
from tests.api.seeding import Seed, put

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"


async def batch(server: Server, name: str, run_ids: list[str], **members: Any) -> dict[str, Any]:
    answer = await server.client.post(f"/api/v1/runs/{name}", json={"run_ids": run_ids, **members})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def outcomes(body: dict[str, Any]) -> list[tuple[str, bool, str]]:
    return [(each["run_id"], each["ok"], each["outcome"]) for each in body["results"]]


async def test_a_mixed_archive_keeps_the_order_and_tells_each_outcome(server: Server) -> None:
    ended = Seed(status="succeeded", entropy=1)
    archived = Seed(status="failed", archived=True, entropy=2)
    active = Seed(status="running", entropy=3)
    await put(server.store, ended, archived, active)
    body = await batch(server, "archive", [active.id, UNKNOWN, archived.id.lower(), ended.id])
    assert outcomes(body) == [
        (active.id, False, "conflict"),
        (UNKNOWN, False, "not_found"),
        (archived.id, True, "already_archived"),
        (ended.id, True, "archived"),
    ]
    assert body["summary"] == {"requested": 4, "succeeded": 2, "failed": 2}
    errors = [each.get("error", {}) for each in body["results"]]
    assert [(error.get("status"), error.get("title")) for error in errors] == [
        ("409", "Conflict"),
        ("404", "Not Found"),
        (None, None),
        (None, None),
    ]
    stored = (await server.client.get(f"/api/v1/runs/{ended.id}")).json()
    assert [each.get("run") for each in body["results"]][:2] == [None, None]
    assert body["results"][3]["run"] == stored
    assert stored["lifecycle"]["archived"] is True
    assert await server.log_of(archived.id) == ["run.created"]


async def test_a_mixed_unarchive(server: Server) -> None:
    archived = Seed(status="failed", archived=True, entropy=1)
    ended = Seed(status="succeeded", entropy=2)
    active = Seed(status="blocked", entropy=3)
    await put(server.store, ended, archived, active)
    body = await batch(server, "unarchive", [archived.id, ended.id, active.id, UNKNOWN])
    assert [outcome for _, _, outcome in outcomes(body)] == ["unarchived", "not_archived", "conflict", "not_found"]
    assert await server.log_of(archived.id) == ["run.created", "run.unarchived"]
    assert await server.log_of(ended.id) == ["run.created"]


async def test_a_mixed_delete_spares_active_runs(server: Server) -> None:
    ended = Seed(status="succeeded", entropy=1)
    active = Seed(status="running", entropy=2)
    removing = Seed(status="removing", entropy=3)
    await put(server.store, ended, active, removing)
    body = await batch(server, "delete", [ended.id, UNKNOWN, active.id, removing.id])
    assert outcomes(body) == [
        (ended.id, True, "deleted"),
        (UNKNOWN, True, "already_absent"),
        (active.id, False, "conflict"),
        (removing.id, True, "deleted"),
    ]
    assert body["summary"] == {"requested": 4, "succeeded": 3, "failed": 1}
    assert "run" not in body["results"][0]
    assert (await server.client.get("/api/v1/runs")).json()["meta"]["total"] == 1


async def test_a_delete_by_force_takes_active_runs_too(server: Server) -> None:
    active = Seed(status="running")
    await put(server.store, active)
    assert outcomes(await batch(server, "delete", [active.id], force=False)) == [(active.id, False, "conflict")]
    assert outcomes(await batch(server, "delete", [active.id], force=True)) == [(active.id, True, "deleted")]
    assert await server.log_of(active.id) == []


@pytest.mark.parametrize("name", ["archive", "unarchive", "delete"])
@pytest.mark.parametrize(
    "others",
    [
        ["nope"],
        [""],
        [UNKNOWN, UNKNOWN],
        [UNKNOWN, UNKNOWN.lower()],
        [UNKNOWN[:-1] + "I"],
        [7],
        [None],
        [str(ULID.from_int(number)) for number in range(250)],
    ],
    ids=["malformed", "blank", "twice", "twice-in-other-case", "no-ulid-letter", "number", "null", "251"],
)
async def test_one_bad_id_changes_nothing(server: Server, name: str, others: list[Any]) -> None:
    seed = Seed(status="failed", archived=name == "unarchive")
    await put(server.store, seed)
    answer = await server.client.post(f"/api/v1/runs/{name}", json={"run_ids": [seed.id, *others]})
    assert answer.status_code == 400
    assert await server.log_of(seed.id) == ["run.created"]


async def test_250_ids_are_not_too_many(server: Server) -> None:
    run_ids = [str(ULID.from_int(number)) for number in range(250)]
    body = await batch(server, "delete", run_ids)
    assert body["summary"] == {"requested": 250, "succeeded": 250, "failed": 0}
    assert [run_id for run_id, _, _ in outcomes(body)] == run_ids


@pytest.mark.parametrize("name", ["archive", "unarchive", "delete"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"run_ids": []},
        {"run_ids": None},
        {"run_ids": UNKNOWN},
        {"run_ids": {UNKNOWN: True}},
        {"run_ids": [UNKNOWN], "extra": 1},
        {"run_ids": [UNKNOWN], "Force": True},
        {"run_ids": [UNKNOWN], "force": "true"},
        {"run_ids": [UNKNOWN], "force": None},
        [UNKNOWN],
        None,
    ],
    ids=str,
)
async def test_a_body_of_another_shape_is_not_valid(server: Server, name: str, body: Any) -> None:
    assert (await server.client.post(f"/api/v1/runs/{name}", json=body)).status_code == 400


@pytest.mark.parametrize("name", ["archive", "unarchive"])
async def test_force_is_a_member_of_delete_alone(server: Server, name: str) -> None:
    answer = await server.client.post(f"/api/v1/runs/{name}", json={"run_ids": [UNKNOWN], "force": True})
    assert answer.status_code == 400
