"""Working with the agents of a run (resources.md X4, X16 row 8): what is told, what is checked, and the refusal."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.api.test_contract import check
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
PAIR = "01KJQ13BSMP4P5P6P7P8P9P0P1"
LATER = "01KJQ13BSMP4P5P6P7P8P9P0P2"
STAGE = "draft@1"
TARGET = {"stage_id": STAGE, "node_label": "Draft"}
RUNNING = ("run.runnable", "run.starting", "run.started", "run.running")
AT = "2026-03-02T10:20:00Z"


async def append(server: Server, run_id: str, name: str, scope: dict[str, Any] | None = None, **changes: Any) -> int:
    properties = {**SAMPLES[name], **changes}
    event = {"id": name, "ts": AT, "run_id": run_id, "event": name, "properties": properties, **(scope or {})}
    answer = await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)
    assert answer.status_code == 200, answer.text
    seq: int = answer.json()["seq"]
    return seq


async def activated(server: Server, run_id: str, session: str, stage_id: str, *capabilities: str) -> None:
    scope = {"session_id": session, "stage_id": stage_id, "node_label": "Draft"}
    await append(server, run_id, "agent.session.activated", scope, capabilities=list(capabilities))


async def working(server: Server) -> str:
    """A running run with an agent that takes instructions."""
    run_id: str = (await server.create())["id"]
    for name in RUNNING:
        await append(server, run_id, name)
    await activated(server, run_id, "one", STAGE, "steer")
    return run_id


async def paired(server: Server, pair_id: str = PAIR) -> str:
    """Such a run, with somebody who works with the agent."""
    run_id = await working(server)
    await append(server, run_id, "run.pair.started", pair_id=pair_id, target=TARGET)
    return run_id


async def status(server: Server, run_id: str) -> dict[str, Any]:
    answer = await server.client.get(f"/api/v1/runs/{run_id}/pair")
    assert answer.status_code == 200, answer.text
    check(answer, "getRunPairStatus")
    told: dict[str, Any] = answer.json()
    return told


async def record(server: Server, run_id: str, pair_id: str = PAIR) -> dict[str, Any]:
    answer = await server.client.get(f"/api/v1/runs/{run_id}/pair/{pair_id}")
    assert answer.status_code == 200, answer.text
    check(answer, "getRunPair")
    told: dict[str, Any] = answer.json()
    return told


async def transcript(server: Server, run_id: str, query: str = "") -> dict[str, Any]:
    answer = await server.client.get(f"/api/v1/runs/{run_id}/pair/{PAIR}/transcript{query}")
    assert answer.status_code == 200, answer.text
    check(answer, "getRunPairTranscript")
    told: dict[str, Any] = answer.json()
    return told


async def start(server: Server, run_id: str, stage_id: str = STAGE) -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/pair", json={"stage_id": stage_id})


async def say(server: Server, run_id: str, text: str = "Hello", pair_id: str = PAIR) -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/pair/{pair_id}/messages", json={"text": text})


async def end(server: Server, run_id: str, pair_id: str = PAIR) -> httpx.Response:
    return await server.client.delete(f"/api/v1/runs/{run_id}/pair/{pair_id}")


def refusal(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["errors"][0].get("code")


# -- reads ----------------------------------------------------------------------------------------------------------


async def test_any_run_tells_who_works_with_which_agents(server: Server) -> None:
    run_id = (await server.finished())["id"]
    assert await status(server, run_id) == {"run_id": run_id, "current_pair": None, "targets": []}


async def test_the_targets_are_the_stages_whose_agents_take_instructions_each_once(server: Server) -> None:
    run_id = await working(server)
    await activated(server, run_id, "two", STAGE, "steer")
    await activated(server, run_id, "deaf", "review@1")
    await activated(server, run_id, "three", "review@2", "steer")
    assert (await status(server, run_id))["targets"] == [TARGET, {"stage_id": "review@2", "node_label": "Draft"}]


async def test_a_pair_is_what_the_log_tells_of_it(server: Server) -> None:
    run_id = await paired(server)
    active = {
        "pair_id": PAIR,
        "run_id": run_id,
        "status": "active",
        "started_at": AT,
        "ended_at": None,
        "failure_reason": None,
        "target": TARGET,
    }
    assert await record(server, run_id) == await record(server, run_id, PAIR.lower()) == active
    assert (await status(server, run_id))["current_pair"] == active
    await append(server, run_id, "run.pair.ended", pair_id=PAIR)
    await append(server, run_id, "run.pair.failed", pair_id=PAIR)  # it has ended already
    assert await record(server, run_id) == {**active, "status": "ended", "ended_at": AT}
    assert (await status(server, run_id))["current_pair"] is None
    await append(server, run_id, "run.pair.started", pair_id=LATER, target=TARGET)
    await append(server, run_id, "run.pair.failed", pair_id=LATER)
    failed = await record(server, run_id, LATER)
    assert (failed["status"], failed["failure_reason"]) == ("failed", SAMPLES["run.pair.failed"]["reason"])


async def test_a_pair_that_is_unknown_is_not_found_and_one_that_is_malformed_is_refused(server: Server) -> None:
    run_id = await working(server)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/transcript")):
        answer = await server.client.request(method, f"/api/v1/runs/{run_id}/pair/{PAIR}{path}")
        assert refusal(answer) == (404, "pair_not_found")
        assert (await server.client.request(method, f"/api/v1/runs/{UNKNOWN}/pair/{PAIR}{path}")).status_code == 404
        assert (await server.client.request(method, f"/api/v1/runs/{run_id}/pair/mine{path}")).status_code == 400
    assert refusal(await say(server, run_id)) == (404, "pair_not_found")
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/pair")).status_code == 404


async def test_the_transcript_has_what_the_stage_told_between_start_and_end(server: Server) -> None:
    run_id = await working(server)
    stage = {"stage_id": STAGE}
    await append(server, run_id, "agent.message", stage, text="Too early")
    await append(server, run_id, "run.pair.started", pair_id=PAIR, target=TARGET)
    first = await append(server, run_id, "agent.pair.system_message", stage, pair_id=PAIR, kind="human_joined")
    await append(server, run_id, "agent.pair.user_message", stage, pair_id=PAIR, client_message_id="mine")
    await append(server, run_id, "agent.pair.user_message", stage, pair_id=LATER)
    await append(server, run_id, "agent.tool.started", stage, tool_call_id="c", arguments={"path": "x" * 300})
    await append(server, run_id, "agent.tool.completed", stage, tool_call_id="c", output="done", is_error=True)
    await append(server, run_id, "agent.message", {"stage_id": "other@1"})
    await append(server, run_id, "agent.message", {"node_id": "draft"}, text="By node", tool_call_count=2)
    await append(server, run_id, "agent.error", stage, error={"message": "Broken", "code": 1})
    last = await append(server, run_id, "agent.warning", stage, kind="slow", message="Slow")
    whole = await transcript(server, run_id)
    entries = whole["data"]
    assert [each["kind"] for each in entries] == [
        "system_message",
        "user_message",
        "tool_call",
        "tool_call",
        "assistant_message",
        "error",
        "warning",
    ]
    assert {(each["pair_id"], each["ts"], str(each["target"])) for each in entries} == {(PAIR, AT, str(TARGET))}
    _, said, called, returned, told, error, warning = entries
    assert (said["text"], said["message_id"], said["client_message_id"]) == ("Hello", "m", "mine")
    assert (called["status"], called["truncated"], len(called["summary"])) == ("started", True, 200)
    assert called["detail_ref"] == {"seq": called["seq"], "tool_call_id": "c"}
    assert (returned["status"], returned["summary"], returned["is_error"]) == ("completed", "done", True)
    assert (told["text"], told["tool_call_count"]) == ("By node", 2)
    assert (error["message"], error["detail_ref"]) == ("Broken", {"seq": error["seq"]})
    assert (warning["warning_kind"], warning["message"]) == ("slow", "Slow")
    assert whole["meta"] == {"next_since_seq": last + 1, "has_more": False}
    page = await transcript(server, run_id, f"?since_seq={first}&limit=2")
    assert (page["data"], page["meta"]["has_more"]) == (entries[:2], True)
    rest = await transcript(server, run_id, f"?since_seq={page['meta']['next_since_seq']}")
    assert rest["data"] == entries[2:]
    await append(server, run_id, "run.pair.ended", pair_id=PAIR)
    await append(server, run_id, "agent.message", stage, text="Too late")
    assert (await transcript(server, run_id))["data"] == entries


async def test_a_transcript_amid_much_that_others_say_goes_on_where_it_stopped(server: Server) -> None:
    run_id = await paired(server)
    for _ in range(3):
        await append(server, run_id, "agent.message", {"stage_id": "other@1"}, text="y" * 1_500_000)
    told = await append(server, run_id, "agent.message", {"stage_id": STAGE})
    page = await transcript(server, run_id, "?limit=1")
    assert [each["seq"] for each in page["data"]] == [told]
    assert page["meta"] == {"next_since_seq": told + 1, "has_more": False}


# -- checks ---------------------------------------------------------------------------------------------------------


async def test_what_has_passed_every_check_is_refused_as_nothing_reaches_the_worker(server: Server) -> None:
    refused = (503, "worker_control_unavailable")
    assert refusal(await start(server, await working(server))) == refused
    run_id = await paired(server)
    log = await server.log_of(run_id)
    assert refusal(await say(server, run_id)) == refused
    assert refusal(await end(server, run_id)) == refused
    assert await server.log_of(run_id) == log


async def test_a_pair_is_not_started_where_there_is_one_or_no_agent_listens(server: Server) -> None:
    assert refusal(await start(server, await paired(server))) == (409, "already_paired")
    assert refusal(await start(server, (await server.create())["id"])) == (409, "run_not_pairable")
    run_id = await working(server)
    assert refusal(await start(server, run_id, "other@1")) == (409, "pair_target_not_active")
    await append(server, run_id, "agent.session.deactivated", {"session_id": "one", "stage_id": STAGE})
    assert refusal(await start(server, run_id)) == (409, "pair_target_not_active")


async def test_only_the_current_pair_is_spoken_in_and_ended(server: Server) -> None:
    run_id = await paired(server)
    await append(server, run_id, "run.pair.started", pair_id=LATER, target=TARGET)
    assert refusal(await end(server, run_id)) == (409, "pair_not_current")
    assert refusal(await say(server, run_id)) == (409, "pair_message_not_accepted")
    await append(server, run_id, "agent.session.deactivated", {"session_id": "one", "stage_id": STAGE})
    assert refusal(await say(server, run_id, pair_id=LATER)) == (409, "pair_message_not_accepted")
    await append(server, run_id, "run.pair.ended", pair_id=LATER)
    assert refusal(await end(server, run_id, LATER)) == (409, "pair_not_active")
    assert refusal(await say(server, run_id, pair_id=LATER)) == (409, "pair_not_active")


async def test_an_archived_run_takes_none_of_it(server: Server) -> None:
    run_id = await paired(server)
    await append(server, run_id, "run.failed")
    assert (await server.client.post(f"/api/v1/runs/{run_id}/archive")).status_code == 200
    for answer in (await start(server, run_id), await say(server, run_id), await end(server, run_id)):
        assert refusal(answer) == (409, "run_archived")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"stage_id":"draft"}', b'{"stage_id":"draft@1","more":1}'])
async def test_what_does_not_name_a_stage_and_nothing_else_is_refused(server: Server, body: bytes) -> None:
    answer = await server.client.post(f"/api/v1/runs/{UNKNOWN}/pair", content=body)
    assert answer.status_code == 400


async def test_a_message_has_between_one_and_8192_bytes_without_blanks_around_it(server: Server) -> None:
    run_id = await paired(server)
    for text in ("", "  ", "x" * 8193, "ü" * 4097):
        assert (await say(server, run_id, text)).status_code == 400
    for text in ("x", "ü" * 4096, "\n" + "x" * 8190 + "\n"):
        assert (await say(server, run_id, text)).status_code == 503
