"""Automations over HTTP: what is kept of them, and their runs (resources.md X10, X16 row 16). What they have in common
with environments and MCP servers: `test_revisioned`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from fabro_core.models.run import AutomationRef
from fabro_core.runs.fold.wire import row_of
from fabro_core.store.records import AppendBatch, EventRecord
from tests.api.conftest import Server
from tests.api.seeding import Seed, projection_of
from tests.api.test_contract import check, check_error

pytestmark = pytest.mark.anyio

PATH = "/api/v1/automations"
TARGET = {"repository": "acme/shop", "ref": "main", "workflow": "deploy"}


def api(id_: str = "manual", *, enabled: bool = True) -> dict[str, Any]:
    return {"id": id_, "type": "api", "enabled": enabled}


def schedule(id_: str = "night", expression: str = "0 3 * * *", *, enabled: bool = True) -> dict[str, Any]:
    return {"id": id_, "type": "schedule", "enabled": enabled, "expression": expression}


async def post(server: Server, *triggers: Any, id_: str = "nightly", **changes: Any) -> httpx.Response:
    body = {"id": id_, "name": "Nightly deploy", "target": TARGET, "triggers": triggers, **changes}
    return await server.client.post(PATH, json=body)


async def created(server: Server, *triggers: Any, **changes: Any) -> dict[str, Any]:
    answer = await post(server, *triggers, **changes)
    assert answer.status_code == 201, answer.text
    check(answer, "createAutomation")
    body: dict[str, Any] = answer.json()
    return body


async def test_an_automation_is_shown_as_it_was_set(server: Server) -> None:
    first = await created(server, api(), schedule())
    assert first == {
        "id": "nightly",
        "revision": first["revision"],
        "name": "Nightly deploy",
        "description": None,
        "target": TARGET,
        "triggers": [api(), schedule()],
    }


async def test_triggers_are_sorted_and_the_one_of_the_api_is_manual_or_not_there(server: Server) -> None:
    named = await created(server, schedule("z"), api("by-hand"), schedule("a", enabled=False))
    assert named["triggers"] == [schedule("a", enabled=False), api("manual"), schedule("z")]
    without = await created(server, schedule("z"), api(enabled=False), id_="other")
    assert without["triggers"] == [schedule("z")]
    again = await server.client.put(
        f"{PATH}/nightly",
        json={"name": "Nightly deploy", "target": TARGET, "triggers": named["triggers"]},
        headers={"If-Match": named["revision"]},
    )
    assert again.json() == named, "what is kept is kept as it is"


@pytest.mark.parametrize(
    "expression",
    ["* * * * *", "*/5 0-6,22,23 * * *", "0 3 1 JAN *", "0 3 * * mon-fri", "0 3 29 2 *", "0 3 L * *", "0  3 * *   7"],
)
async def test_an_expression_has_five_fields(server: Server, expression: str) -> None:
    assert (await created(server, schedule(expression=expression)))["triggers"] == [schedule(expression=expression)]


@pytest.mark.parametrize(
    "triggers",
    [
        [api(), api("other")],
        [api(), api("other", enabled=False)],
        [schedule("a"), schedule("a")],
        [schedule("manual"), api("by-hand")],
        [schedule("A")],
        [schedule("-a")],
        [schedule("a" * 64)],
        [{"id": "a", "type": "webhook", "enabled": True}],
        [{**api(), "expression": "0 3 * * *"}],
        [{"id": "a", "type": "schedule", "enabled": True}],
        *(
            [schedule(expression=expression)]
            for expression in (
                "",
                "0 3 * *",
                "0 0 3 * * *",
                "60 3 * * *",
                "0 24 * * *",
                "0 3 0 * *",
                "0 3 * 13 *",
                "0 3 * * 8",
                "0 3 30 2 *",
                "@daily",
                "a b c d e",
                "*/0 * * * *",
                "٣ 3 * * *",
                "0," * 200 + "0 3 * * *",
            )
        ),
    ],
)
async def test_triggers_that_break_a_rule_are_refused(server: Server, triggers: list[Any]) -> None:
    check_error(await post(server, *triggers), 422)


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"owner": "ann"},
        *(
            {"target": {**TARGET, "repository": name}}
            for name in ("", "shop", "a/b/c", "a /b", "../shop", "acme/..", "/b")
        ),
        *(
            {"target": {**TARGET, member: text}}
            for member in ("ref", "workflow")
            for text in ("", "a b", "a\tb", "a..b", "/a", "-a", "a\u00a0b")
        ),
        {"target": {**TARGET, "path": "x"}},
    ],
)
async def test_what_is_run_has_to_be_named(server: Server, change: dict[str, Any]) -> None:
    check_error(await post(server, **change), 422)


# -- runs -----------------------------------------------------------------------------------------------------------


async def seed(server: Server, seed: Seed, automation_id: str) -> str:
    """A run that an automation would have made."""
    reference = AutomationRef(id=automation_id, name="Nightly deploy", trigger_id="night")
    run = replace(projection_of(seed), automation=reference)
    event = EventRecord(seq=1, kind="run.created", body=b"{}")
    await server.store.append(AppendBatch(run_id=seed.id, expected_seq=0, events=(event,), row=row_of(run)))
    return seed.id


async def test_the_runs_of_an_automation_are_listed_newest_first_whatever_has_become_of_them(server: Server) -> None:
    await created(server)
    seeds = (
        Seed(created=1, status="removing"),
        Seed(created=2, status="succeeded", archived=True),
        Seed(created=3, status="running", started=1),
    )
    ids = [await seed(server, each, "nightly") for each in seeds]
    await seed(server, Seed(created=4), "another")
    await server.create()

    listed = await server.client.get(f"{PATH}/nightly/runs")
    check(listed, "listAutomationRuns")
    assert [run["id"] for run in listed.json()["data"]] == ids[::-1]
    assert listed.json()["data"][0]["automation"] == {"id": "nightly", "name": "Nightly deploy", "trigger_id": "night"}
    assert listed.json()["meta"] == {"has_more": False, "total": 3}

    page = await server.client.get(f"{PATH}/nightly/runs", params={"page[limit]": 1, "page[offset]": 1})
    assert [run["id"] for run in page.json()["data"]] == [ids[1]]
    assert page.json()["meta"] == {"has_more": True, "total": 3}


async def test_runs_of_no_automation_are_not_found(server: Server) -> None:
    for answer in (await server.client.get(f"{PATH}/nightly/runs"), await server.client.post(f"{PATH}/nightly/runs")):
        check_error(answer, 404)
    check_error(await server.client.get(f"{PATH}/Nightly/runs"), 400)


async def test_an_automation_is_run_by_hand_only_if_it_says_so(server: Server) -> None:
    await created(server, schedule())
    answer = await server.client.post(f"{PATH}/nightly/runs")
    check_error(answer, 409)
    assert answer.json()["errors"][0]["code"] == "automation_api_trigger_disabled"


async def test_nothing_is_run_without_a_source_of_manifests(server: Server) -> None:
    await created(server, api())
    check_error(await server.client.post(f"{PATH}/nightly/runs"), 501)
