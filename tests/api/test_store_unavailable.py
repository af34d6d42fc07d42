"""The store fails while the server serves (server.md S7, S27)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from fabro_core.errors import StoreUnavailable
from fabro_core.store import presence
from fabro_core.store.records import BlobQuery, DocRef
from fabro_core.testing.clock import ManualClock
from fabro_core.upkeep import health
from fabro_core.upkeep.health import StoreHealth
from tests.api.brittle import DRIVER_TEXT, EVERYTHING, BrittleStore, plugin_of
from tests.api.conftest import Server, in_memory, manifest, serving
from tests.api.seeding import Seed, put

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"


@dataclass
class Patient:
    """A server and the store it depends on."""

    server: Server
    store: BrittleStore


@pytest.fixture
async def patient(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Patient]:
    store = BrittleStore()
    async with serving(in_memory(store={"kind": "brittle"}), tmp_path, plugin_of(store)) as server:
        yield Patient(server, store)


async def next_time(event: asyncio.Event) -> None:
    """Wait until the background check sets the event; fails after a minute."""
    event.clear()
    async with asyncio.timeout(60):
        await event.wait()


def check_unavailable(answer: httpx.Response) -> None:
    (entry,) = answer.json()["errors"]
    assert (answer.status_code, entry["code"]) == (503, "store_unavailable")
    assert entry["detail"] == "The store is unavailable. Try again later."
    assert answer.headers["retry-after"] == "5"
    assert DRIVER_TEXT not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/runs", None),
        ("GET", f"/api/v1/runs/{UNKNOWN}", None),
        ("GET", "/api/v1/runs/resolve?selector=x", None),
        ("POST", "/api/v1/runs", manifest()),
        ("PATCH", f"/api/v1/runs/{UNKNOWN}", {"title": "x"}),
        ("DELETE", f"/api/v1/runs/{UNKNOWN}", None),
        ("PUT", f"/api/v1/runs/{UNKNOWN}/parent", {"parent_id": UNKNOWN}),
        ("DELETE", f"/api/v1/runs/{UNKNOWN}/parent", None),
        ("POST", f"/api/v1/runs/{UNKNOWN}/cancel", None),
        ("POST", f"/api/v1/runs/{UNKNOWN}/archive", None),
        ("POST", f"/api/v1/runs/{UNKNOWN}/unarchive", None),
    ],
)
async def test_every_operation_on_runs_answers_503(
    patient: Patient, method: str, path: str, body: object, caplog: pytest.LogCaptureFixture
) -> None:
    patient.store.failing = EVERYTHING
    with caplog.at_level(logging.WARNING, logger="fabro.api"):
        answer = await patient.server.client.request(method, path, json=body)
    check_unavailable(answer)
    assert any(DRIVER_TEXT in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("failing", ["get_run", "append"])
async def test_a_create_that_fails_in_the_middle_leaves_nothing_and_can_be_repeated(
    patient: Patient, failing: str
) -> None:
    patient.store.failing = frozenset({failing})
    body = json.dumps(manifest(parent_id=UNKNOWN))
    if failing != "get_run":
        body = json.dumps(manifest())
    check_unavailable(await patient.server.client.post("/api/v1/runs", content=body))
    patient.store.failing = frozenset()
    assert (await patient.server.client.get("/api/v1/runs")).json()["meta"]["total"] == 0
    assert (await patient.store.list_blobs(BlobQuery(limit=1))).digests == ()
    assert (await patient.server.create())["lifecycle"]["status"] == {"kind": "submitted"}


@pytest.mark.parametrize("failing", ["append", "put_doc", "get_doc"])
async def test_a_link_that_fails_in_the_middle_is_not_made_and_can_be_repeated(patient: Patient, failing: str) -> None:
    child, parent = await patient.server.create(), await patient.server.create()
    path, body = f"/api/v1/runs/{child['id']}/parent", {"parent_id": parent["id"]}
    patient.store.failing = frozenset({failing})
    check_unavailable(await patient.server.client.put(path, json=body))
    patient.store.failing = frozenset()
    assert (await patient.server.client.get(f"/api/v1/runs/{child['id']}")).json() == child
    assert (await patient.server.client.put(path, json=body)).json()["parent_id"] == parent["id"]


async def test_a_delete_that_fails_in_the_middle_is_completed_by_the_next(patient: Patient) -> None:
    run = await patient.server.finished()
    patient.store.failing = frozenset({"delete_run"})
    check_unavailable(await patient.server.client.delete(f"/api/v1/runs/{run['id']}"))
    patient.store.failing = frozenset()
    left = (await patient.server.client.get(f"/api/v1/runs/{run['id']}")).json()
    assert left["lifecycle"]["status"] == {"kind": "removing"}
    assert (await patient.server.client.delete(f"/api/v1/runs/{run['id']}")).status_code == 204
    assert (await patient.server.client.get(f"/api/v1/runs/{run['id']}")).status_code == 404


async def test_a_batch_reports_each_item_and_the_health_check_learns_of_it(patient: Patient) -> None:
    seeds = [Seed(status="succeeded", entropy=entropy) for entropy in (1, 2)]
    await put(patient.store, *seeds)
    patient.store.failing = frozenset({"append", "ping"})
    answer = await patient.server.client.post("/api/v1/runs/archive", json={"run_ids": [seed.id for seed in seeds]})
    assert answer.status_code == 200
    assert [(each["outcome"], each["error"]["status"]) for each in answer.json()["results"]] == [("error", "503")] * 2
    assert DRIVER_TEXT not in answer.text
    assert (await patient.server.anonymous.get("/health")).json()["status"] == "degraded"


async def test_what_needs_no_store_keeps_working(patient: Patient) -> None:
    patient.store.failing = EVERYTHING
    await patient.server.client.get("/api/v1/runs")
    for path in ("/", "/health", "/api/v1/openapi.json", "/api/v1/auth/config", "/login"):
        assert (await patient.server.anonymous.get(path)).status_code == 200
    assert (await patient.server.client.get("/api/v1/auth/me")).json()["user"]["login"] == "dev"
    assert (await patient.server.anonymous.get("/api/v1/runs")).status_code == 401


async def test_health_is_degraded_after_the_first_failure_and_recovers_by_itself(patient: Patient) -> None:
    anonymous = patient.server.anonymous
    assert (await anonymous.get("/health/ready")).json() == {"status": "ready"}
    patient.store.failing = EVERYTHING
    await patient.server.client.get("/api/v1/runs")
    for path in ("/health", "/api/v1/health"):
        degraded = await anonymous.get(path)
        assert (degraded.status_code, degraded.json()) == (200, {"status": "degraded", "store": "unavailable"})
    check_unavailable(await anonymous.get("/health/ready"))
    patient.store.failing = frozenset()
    await next_time(patient.store.answered)
    assert (await anonymous.get("/health")).json() == {"status": "ok"}
    assert (await anonymous.get("/health/ready")).status_code == 200
    assert (await patient.server.client.get("/api/v1/runs")).status_code == 200


async def test_a_store_that_answers_and_takes_no_writes_is_not_ready(
    patient: Patient, caplog: pytest.LogCaptureFixture
) -> None:
    patient.store.failing = frozenset({"append", "put_doc"})
    check_unavailable(await patient.server.client.post("/api/v1/runs", json=manifest()))
    check_unavailable(await patient.server.client.post("/api/v1/runs", json=manifest()))
    await next_time(patient.store.answered)
    await next_time(patient.store.refused)
    assert (await patient.server.anonymous.get("/health")).json()["status"] == "degraded"
    assert (await patient.server.client.get("/api/v1/runs")).status_code == 200
    patient.store.failing = frozenset()
    while (await patient.server.anonymous.get("/health/ready")).status_code != 200:
        await next_time(patient.store.answered)
    told = [record.getMessage() for record in caplog.records if record.name == "fabro.health"]
    assert told == [f"the store is unavailable: {DRIVER_TEXT}", "the store is available again"]


async def test_health_writes_now_and_then_and_notices_by_itself_that_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = BrittleStore()
    async with store.lifespan():
        watched = StoreHealth(store, ManualClock())
        for _ in range(3):
            await watched.check()
        written = await store.get_doc(DocRef(collection=presence.COLLECTION, key=watched.presence.key, now_ms=0))
        assert written is not None
        assert written.revision == "1", "one write is enough for half a minute"
        store.failing = frozenset({"put_doc"})
        await watched.check()
        assert watched.available
        monkeypatch.setattr(health, "WRITE_INTERVAL_SECONDS", 0)
        store.failing = frozenset()
        watched.suspect(StoreUnavailable("x"))
        await watched.check()
        store.failing = frozenset({"put_doc"})
        await watched.check()
        assert not watched.available


async def test_a_store_that_breaks_its_promise_is_a_server_error_and_still_watched(
    patient: Patient, caplog: pytest.LogCaptureFixture
) -> None:
    patient.store.failure = ZeroDivisionError(DRIVER_TEXT)
    patient.store.failing = EVERYTHING
    answer = await patient.server.client.get("/api/v1/runs")
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (500, "Internal server error.")
    patient.server.health.suspect(StoreUnavailable(DRIVER_TEXT))
    await next_time(patient.store.refused)
    assert [record.name for record in caplog.records if "promise" in record.getMessage()] == ["fabro.health"]
    patient.store.failing = frozenset()
    await next_time(patient.store.answered)
    assert (await patient.server.anonymous.get("/health")).json() == {"status": "ok"}


async def test_a_draining_server_is_alive_and_not_ready(patient: Patient) -> None:
    patient.server.app.drain()
    ready = await patient.server.anonymous.get("/health/ready")
    assert (ready.status_code, ready.json()["errors"][0]["code"]) == (503, "draining")
    assert ready.headers["retry-after"] == "5"
    assert (await patient.server.anonymous.get("/health")).json() == {"status": "ok"}
    assert (await patient.server.client.get("/api/v1/runs")).status_code == 200
