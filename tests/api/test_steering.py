"""Steering and interrupting the agents of a run (resources.md X3, events.md E9), on both stores."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.api.contract import needs_contract
from tests.api.seeding import STATUSES, Seed, put
from tests.api.test_contract import check
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
RUNNING = ("run.runnable", "run.starting", "run.started", "run.running")
TEXT = "Prefer the short form"

Agent = tuple[str, str, dict[str, Any]]
"""An event about an agent: its name, its session, and what differs in its properties."""

STEERABLE: Agent = ("agent.session.activated", "one", {"capabilities": ["steer"]})
DEAF: Agent = ("agent.session.activated", "two", {"capabilities": []})
OUTSIDE: Agent = ("agent.acp.started", "three", {})


def leaving(agent: Agent, name: str = "agent.session.deactivated") -> Agent:
    return (name, agent[1], {})


async def append(server: Server, run_id: str, name: str, changes: dict[str, Any], **scope: Any) -> None:
    properties = {**SAMPLES[name], **changes}
    event = {"id": name, "ts": "2026-03-02T10:20:00Z", "run_id": run_id, "event": name, "properties": properties}
    answer = await server.client.post(f"/api/v1/runs/{run_id}/events", json={**event, **scope})
    assert answer.status_code == 200, answer.text


async def running(server: Server, *agents: Agent) -> str:
    """A running run after these events about agents."""
    run_id: str = (await server.create())["id"]
    for name in RUNNING:
        await append(server, run_id, name, {})
    for name, session, changes in agents:
        await append(server, run_id, name, changes, session_id=session, stage_id="draft@1")
    return run_id


async def steer(server: Server, run_id: str, *, text: str = TEXT) -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/steer", json={"text": text})


async def redirect(server: Server, run_id: str) -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/steer", json={"text": TEXT, "interrupt": True})


async def interrupt(server: Server, run_id: str) -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/interrupt")


REQUESTS = (steer, redirect, interrupt)


async def codes(server: Server, run_id: str) -> list[str | None]:
    """The codes with which a steer, a steer that interrupts, and an interrupt are refused; None: 202."""
    answers = [await request(server, run_id) for request in REQUESTS]
    assert {answer.status_code for answer in answers} <= {202, 409}
    return [answer.json()["errors"][0]["code"] if answer.status_code == 409 else None for answer in answers]


# -- what is appended -----------------------------------------------------------------------------------------------


async def test_a_steer_is_written_verbatim_into_the_log(server: Server) -> None:
    run_id = await running(server, STEERABLE)
    answer = await steer(server, run_id, text=" Prefer\nthe short form ")
    assert (answer.status_code, answer.content) == (202, b"")
    assert (await server.log_of(run_id))[-2:] == ["agent.session.activated", "run.steer"]
    (event,) = await server.events_of(run_id, "run.steer")
    assert event["properties"] == {"text": " Prefer\nthe short form "}
    assert event["actor"]["login"] == "dev"


async def test_an_interrupt_is_written_into_the_log(server: Server) -> None:
    run_id = await running(server, STEERABLE)
    answer = await interrupt(server, run_id)
    assert (answer.status_code, answer.content) == (202, b"")
    (event,) = await server.events_of(run_id, "run.interrupt")
    assert (event["properties"], event["actor"]["login"]) == ({}, "dev")
    assert (await server.log_of(run_id))[-1] == "run.interrupt"


async def test_a_steer_that_interrupts_is_both_in_order(server: Server) -> None:
    run_id = await running(server, STEERABLE)
    assert (await redirect(server, run_id)).status_code == 202
    assert (await server.log_of(run_id))[-2:] == ["run.interrupt", "run.steer"]


async def test_a_refused_request_writes_nothing(server: Server) -> None:
    run_id = await running(server, DEAF)
    before = await server.log_of(run_id)
    await codes(server, run_id)
    assert await server.log_of(run_id) == before


# -- the table of X3 ------------------------------------------------------------------------------------------------


Codes = list[str | None]

NO_AGENT: Codes = [None, "no_active_steerable_session", "no_active_steerable_session"]
ALL_DEAF: Codes = ["agent_not_steerable"] * 3
ADMITTED: Codes = [None, None, None]
NOT_YET: Codes = ["run_not_steerable"] * 3
OVER: Codes = ["run_not_steerable", "run_not_steerable", "run_not_interruptible"]
BY_STATUS: dict[str, Codes] = {
    "submitted": NOT_YET,
    "pending": NOT_YET,
    "runnable": NOT_YET,
    "starting": NOT_YET,
    "running": NO_AGENT,
    "paused": NOT_YET,
    "blocked": ["use_answer_endpoint"] * 3,
    "succeeded": OVER,
    "failed": OVER,
    "dead": OVER,
    "removing": OVER,
}


def test_every_status_has_a_row() -> None:
    assert BY_STATUS.keys() == STATUSES.keys()


@pytest.mark.parametrize("status", BY_STATUS)
async def test_the_status_decides_first(server: Server, status: str) -> None:
    run = Seed(status=status)
    await put(server.store, run)
    assert await codes(server, run.id) == BY_STATUS[status]


@pytest.mark.parametrize(
    ("agents", "refusals"),
    [
        ((), NO_AGENT),
        ((STEERABLE,), ADMITTED),
        ((DEAF,), ALL_DEAF),
        ((OUTSIDE,), ALL_DEAF),
        ((DEAF, STEERABLE), ADMITTED),
        ((STEERABLE, OUTSIDE), ADMITTED),
        ((STEERABLE, DEAF, leaving(STEERABLE)), ALL_DEAF),
        ((STEERABLE, leaving(STEERABLE)), NO_AGENT),
        ((STEERABLE, leaving(DEAF)), ADMITTED),
        *(
            ((OUTSIDE, leaving(OUTSIDE, f"agent.acp.{end}")), NO_AGENT)
            for end in ("completed", "cancelled", "timed_out")
        ),
    ],
)
async def test_then_the_agents_that_work(server: Server, agents: tuple[Agent, ...], refusals: list[str | None]) -> None:
    assert await codes(server, await running(server, *agents)) == refusals


async def test_a_resumed_run_has_no_agent_of_before(server: Server) -> None:
    run_id = await running(server, STEERABLE)
    for name in ("checkpoint.completed", "run.failed"):
        await append(server, run_id, name, {})
    resumed = await server.client.post(f"/api/v1/runs/{run_id}/start", json={"resume": True})
    assert resumed.status_code == 200
    for name in RUNNING[1:]:
        await append(server, run_id, name, {})
    assert await codes(server, run_id) == NO_AGENT


# -- in the order of checks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", REQUESTS)
async def test_no_run_or_an_archived_one_is_refused_before_its_status(server: Server, request_: Any) -> None:
    archived = (await server.finished())["id"]
    await server.client.post(f"/api/v1/runs/{archived}/archive")
    answer = await request_(server, archived)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "run_archived")
    assert (await request_(server, UNKNOWN)).status_code == 404
    assert (await request_(server, "nope")).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"text": ""}',
        b'{"text": " \\n\\t"}',
        b'{"text": 5}',
        b'{"text": null}',
        b'{"text": "a", "interrupt": 1}',
        b'{"text": "a", "interrupt": null}',
        b'{"text": "' + b"a" * 8193 + b'"}',
    ],
)
async def test_a_body_that_is_not_valid_is_refused_before_the_run_is_looked_for(server: Server, body: bytes) -> None:
    answer = await server.client.post(f"/api/v1/runs/{UNKNOWN}/steer", content=body)
    assert answer.status_code == 400


async def test_a_text_may_have_8192_characters_whatever_their_bytes(server: Server) -> None:
    run_id = await running(server)
    assert (await steer(server, run_id, text="€" * 8192)).status_code == 202
    assert (await steer(server, run_id, text="€" * 8193)).status_code == 400


@needs_contract
async def test_the_answers_are_those_of_the_contract(server: Server) -> None:
    run_id = await running(server, STEERABLE)
    check(await steer(server, run_id), "steerRun")
    check(await interrupt(server, run_id), "interruptRun")
    check(await steer(server, UNKNOWN), "steerRun")
    check(await interrupt(server, UNKNOWN), "interruptRun")
