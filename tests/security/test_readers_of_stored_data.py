"""What a worker has stored, every reader survives: whatever is admitted into a log, no read of it fails (R1.2)."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fabro_core.models.counts import MAX_COUNT
from fabro_core.models.events.catalogue import RESERVED
from fabro_core.store.records import EventQuery
from tests.api.conftest import Server, in_memory, serving
from tests.runs.samples import SAMPLES
from tests.security.routes import GUARDED, Route, routes_of
from tests.web.conftest import browsing, sign_in

BEGINNING: Final = ("run.runnable", "run.starting", "sandbox.initialized", "run.started", "run.running")
ENDLESS: Final = ("/attach",)
"""Answers that do not end while the run goes on."""

NUMBERS: Final = st.sampled_from(
    [0, 1, -1, 2**31, MAX_COUNT, MAX_COUNT + 1, 2**63 - 1, 2**63, -(2**63), 10**4000, 1e308, 0.5, True]
)
DIGITS: Final = "9" * 5_000
TEXTS: Final = st.sampled_from(
    [
        "",
        "\x00",
        "a@1",
        "a@" + DIGITS,
        "@",
        "draft@1:9999999999",
        DIGITS,
        f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,{DIGITS} +1,{DIGITS} @@\n+x\n",
        "@@ -1,٣ +1 @@",
        '--- "\\777\\q"\n+++ "\n@@ -0 +0 @@\n',
        "blob://sha256/" + "0" * 64,
        "blob://sha256/zz",
        "<script>\u202e{{ x }}</script>",
        "\U0010ffff" * 50,
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ]
)
INSTANTS: Final = st.sampled_from(
    [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "2026-03-02T10:15:30Z",
        "9999-12-31T23:59:59.999999Z",
        "2026-03-02T10:15:30+14:00",
    ]
)
LEAVES: Final = st.one_of(NUMBERS, TEXTS, st.none(), st.sampled_from([[], {}, [[]], {"a": {}}]))
SCOPE: Final = st.fixed_dictionaries(
    {"stage_id": st.sampled_from([None, "draft@1", "draft@1", "a@9999999999", "@@1", "\x00@1", "draft@2"])},
    optional={
        "node_id": st.sampled_from(["draft", "", "a@b", "\x00"]),
        "parallel_group_id": TEXTS,
        "parallel_branch_id": st.just("draft@1:9999999999"),
        "session_id": TEXTS,
        "parent_session_id": TEXTS,
        "tool_call_id": TEXTS,
    },
)
EXTRA: Final = {
    "run.completed": ("final_patch", "diff_summary", "billing", "total_usd_micros"),
    "run.failed": ("final_patch", "diff_summary", "billing"),
    "checkpoint.completed": ("diff", "diff_summary", "graph_visit", "visit"),
    "stage.completed": ("billing", "response", "notes", "visit"),
    "stage.started": ("visit", "graph_visit"),
    "command.completed": ("output", "output_bytes", "exit_code", "visit"),
    "agent.message": ("context_window", "cost_source"),
}
"""Optional properties that readers look into."""

STRUCTURES: Final = st.one_of(
    st.fixed_dictionaries({"files_changed": NUMBERS, "additions": NUMBERS, "deletions": NUMBERS}),
    st.fixed_dictionaries({"draft": st.one_of(NUMBERS, st.fixed_dictionaries({"status": st.just("skipped")}))}),
)

NAMES: Final = sorted(set(SAMPLES) - RESERVED - {"run.created", "run.removing", "run.submitted", *BEGINNING})


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """An event with some of its properties exchanged for what no honest worker says."""
    name = draw(st.one_of(st.sampled_from(NAMES), st.sampled_from(sorted(EXTRA))))
    properties = json.loads(json.dumps(SAMPLES[name]))
    for key in draw(st.sets(st.sampled_from([*properties, *EXTRA.get(name, ()), "visit"]), max_size=3)):
        before = properties.get(key)
        if isinstance(before, dict) and before and draw(st.booleans()):
            before[draw(st.sampled_from(sorted(before)))] = draw(LEAVES)
        elif isinstance(before, str):
            properties[key] = draw(TEXTS)
        elif isinstance(before, int):
            properties[key] = draw(NUMBERS)
        else:
            properties[key] = draw(st.one_of(STRUCTURES, LEAVES))
    return {"event": name, "ts": draw(INSTANTS), "properties": properties, **draw(SCOPE)}


def told(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "event": name,
        "ts": "2026-03-02T10:15:30Z",
        "stage_id": "draft@1",
        "properties": {**SAMPLES[name], **properties},
    }


LARGEST: Final = {"files_changed": MAX_COUNT, "additions": MAX_COUNT, "deletions": MAX_COUNT}
LONGEST: Final = dict.fromkeys(SAMPLES["run.completed"]["timing"], MAX_COUNT)
ENDLESS_HUNK: Final = f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,{DIGITS} +1 @@\n+x\n"


@pytest.mark.slow
@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@example([told("run.completed", final_patch=ENDLESS_HUNK)])
@example([told("run.completed", diff_summary=LARGEST, timing=LONGEST, total_usd_micros=MAX_COUNT)])
@example([told("checkpoint.completed", diff_summary=LARGEST)])
@example([told("stage.completed", timing=LONGEST)] * 2 + [told("checkpoint.completed", current_node="x")])
@given(st.lists(events(), min_size=2, max_size=10))
def test_no_read_fails_whatever_a_worker_has_stored(told: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(store_and_read(Path(home), told))


async def store_and_read(home: Path, told: list[dict[str, Any]]) -> None:
    async with serving(in_memory(store={"kind": "sqlite"}), home) as server:
        run_id = (await server.create())["id"]
        for name in BEGINNING:
            sha = {"base_sha": "9f1c2d3"} if name == "run.started" else {}
            begun = {"event": name, "ts": "2026-03-02T10:15:30Z", "properties": {**SAMPLES[name], **sha}}
            assert (await append(server, run_id, begun)) == 200
        for number, event in enumerate(told):
            status = await append(server, run_id, {"id": f"e{number}", **event})
            assert status < 500, event["event"]
        await read_all(server, run_id)


async def append(server: Server, run_id: str, event: dict[str, Any]) -> int:
    whole = {"id": event["event"], "run_id": run_id, **event}
    answer = await server.client.post(f"/api/v1/runs/{run_id}/events", content=json.dumps(whole))
    return answer.status_code


async def read_all(server: Server, run_id: str) -> None:
    """Ask everything that can be asked about the run, and all runs."""
    async with browsing(server) as member:
        await sign_in(member, server)
        failed = [told async for told in faults(server, member, run_id)]
    assert failed == []


async def faults(server: Server, member: httpx.AsyncClient, run_id: str) -> AsyncIterator[str]:
    log = await server.store.read(EventQuery(run_id=run_id, limit=1_000))
    places = {
        "id": [run_id],
        "seq": [str(event.seq) for event in log.events],
        "stageId": await stages_of(server, run_id),
    }
    for route in reads_of(server):
        for url in urls(route.path, places):
            answer = await member.get(url, headers={"accept": route.accept})
            only_named = answer.status_code == 501
            if answer.status_code >= 500 and not only_named and "integration_unavailable" not in answer.text:
                yield f"{url}: {answer.status_code}"


async def stages_of(server: Server, run_id: str) -> list[str]:
    answer = await server.client.get(f"/api/v1/runs/{run_id}/stages")
    assert answer.status_code == 200, answer.text
    return [quote(stage["id"], safe="") for stage in answer.json()["data"]]


def reads_of(server: Server) -> list[Route]:
    """Every operation and page that reads, less streams that do not end."""
    found = [route for route in routes_of(server.app) if route.method == "GET" and route.kind in GUARDED]
    assert {"/api/v1/runs/{id}/state", "/api/v1/runs/{id}/files", "/runs/{id}"} <= {route.path for route in found}
    return [route for route in found if not route.path.endswith(ENDLESS)]


def urls(path: str, places: dict[str, list[str]]) -> list[str]:
    """The path with everything that may stand in its places."""
    found = [path]
    for name, texts in places.items():
        found = [
            url.replace(f"{{{name}}}", text) for url in found for text in (texts if f"{{{name}}}" in url else [""])
        ]
    return [re.sub(r"\{\w+\}", "1", url) for url in found]
