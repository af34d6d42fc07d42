"""Tokens of workers over HTTP, and what workers do with them (events.md E3, E6, E18, E19, runs.md R6.3), on both
stores."""

from __future__ import annotations

import json
import logging
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabro_core.auth.keys import Purpose, derive_key
from fabro_core.models.events.catalogue import FOR_USERS
from fabro_core.secret import Secret
from tests.api.conftest import SESSION_SECRET, Server, manifest, serving
from tests.api.seeding import Seed, put
from tests.auth.forging import decoded, forged
from tests.runs.samples import SAMPLES
from tests.streams.client import attached

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
RUNNING = ("run.runnable", "run.starting", "run.started", "run.running")
EVENTS_TO: dict[str, tuple[str, ...]] = {
    "submitted": (),
    "pending": ("run.pending",),
    "runnable": RUNNING[:1],
    "starting": RUNNING[:2],
    "running": RUNNING,
    "paused": (*RUNNING, "run.paused"),
    "blocked": (*RUNNING, "run.blocked"),
}
MANAGING = {"type": "project", "path": ".fabro/project.toml", "source": "[run.agent]\nfabro_tools = true\n"}
PLAIN = {"type": "project", "path": ".fabro/project.toml", "source": "[run.agent]\nfabro_tools = false\n"}
SERVER_KEY = derive_key(Secret(SESSION_SECRET), Purpose.WORKER_TOKENS)


async def issued(server: Server, run_id: str) -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/worker-token")


async def token_for(server: Server, run_id: str) -> str:
    answer = await issued(server, run_id)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


async def ask(server: Server, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
    """A worker's request."""
    headers = {"Authorization": f"Bearer {token}"}
    return await server.anonymous.request(method, f"/api/v1{path}", json=body, headers=headers)


def event(run_id: str, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "ts": "2026-03-02T10:20:00Z",
        "run_id": run_id,
        "event": name,
        "actor": {"kind": "worker", "run_id": run_id},
        "properties": SAMPLES[name],
    }


def told(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["errors"][0].get("code")


# -- issuing --------------------------------------------------------------------------------------------------------


async def test_a_token_is_issued_for_one_run_and_72_hours_and_kept_by_no_cache(server: Server) -> None:
    run_id = (await server.create())["id"]
    answer = await issued(server, run_id.lower())
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    body = answer.json()
    header, claims = decoded(body.pop("token"))
    assert body == {
        "token_type": "Bearer",
        "run_id": run_id,
        "scope": "run:worker",
        "expires_at": "2026-03-05T10:15:30Z",
    }
    assert header == {"alg": "HS256", "typ": "JWT", "kid": "fabro-worker"}
    assert claims.keys() == {"iss", "iat", "exp", "run_id", "scope", "jti"}
    assert (claims["iss"], claims["run_id"], claims["scope"]) == ("fabro-server-worker", run_id, "run:worker")
    assert claims["exp"] - claims["iat"] == 72 * 60 * 60


@pytest.mark.parametrize(
    ("configs", "scope"),
    [([MANAGING], "run:worker agent:run_tools"), ([PLAIN], "run:worker"), ([], "run:worker")],
    ids=["tools", "no tools", "no setting"],
)
async def test_managing_runs_is_a_setting_of_the_run(server: Server, configs: list[Any], scope: str) -> None:
    run = await server.create(configs=configs)
    answer = await issued(server, run["id"])
    assert (answer.status_code, answer.json()["scope"]) == (201, scope)


@pytest.mark.parametrize("status", EVENTS_TO)
async def test_a_run_with_work_has_a_token(server: Server, status: str) -> None:
    run_id = (await server.create())["id"]
    for name in EVENTS_TO[status]:
        assert (await server.client.post(f"/api/v1/runs/{run_id}/events", json=event(run_id, name))).is_success
    assert (await server.client.get(f"/api/v1/runs/{run_id}")).json()["lifecycle"]["status"]["kind"] == status
    assert (await issued(server, run_id)).status_code == 201


async def test_a_retried_run_manages_runs_like_the_one_before(server: Server) -> None:
    run_id = (await server.finished(configs=[MANAGING]))["id"]
    again = (await server.client.post(f"/api/v1/runs/{run_id}/retry")).json()
    assert (await issued(server, again["id"])).json()["scope"] == "run:worker agent:run_tools"


@pytest.mark.parametrize("status", ["succeeded", "failed", "dead", "removing"])
async def test_a_run_without_work_has_no_token(server: Server, status: str) -> None:
    await put(server.store, Seed(status=status))
    assert told(await issued(server, Seed().id)) == (409, None)


async def test_no_run_or_an_archived_one_has_no_token(server: Server) -> None:
    archived = (await server.finished())["id"]
    await server.client.post(f"/api/v1/runs/{archived}/archive")
    assert told(await issued(server, archived)) == (409, "run_archived")
    assert told(await issued(server, UNKNOWN)) == (404, None)
    assert told(await issued(server, "nope")) == (400, None)


async def test_a_token_is_in_no_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    run_id = (await server.create())["id"]
    token = await token_for(server, run_id)
    await ask(server, token, "GET", f"/runs/{run_id}")
    await ask(server, token[:-1], "GET", f"/runs/{run_id}")
    assert caplog.records
    for part in token.split("."):
        assert all(part not in str(vars(record)) for record in caplog.records)


# -- judging --------------------------------------------------------------------------------------------------------


async def test_a_token_is_good_until_five_seconds_after_its_time(server: Server) -> None:
    run_id = (await server.create())["id"]
    token = await token_for(server, run_id)
    server.clock.advance(timedelta(hours=72, seconds=4))
    assert (await ask(server, token, "GET", f"/runs/{run_id}")).status_code == 200
    server.clock.advance(timedelta(seconds=1))
    expired = await ask(server, token, "GET", f"/runs/{run_id}")
    assert told(expired) == (401, "access_token_expired")
    assert expired.headers["www-authenticate"] == 'Bearer realm="fabro", error="invalid_token"'


async def test_a_token_with_any_byte_changed_is_refused(server: Server) -> None:
    run_id = (await server.create())["id"]
    token = await token_for(server, run_id)
    changed = [
        token[:index] + ("A" if character != "A" else "B") + token[index + 1 :] for index, character in enumerate(token)
    ]
    answers = [told(await ask(server, each, "GET", f"/runs/{run_id}")) for each in changed]
    assert set(answers) == {(401, "access_token_invalid")}


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"alg": "none"}, {}),
        ({"alg": "HS512"}, {}),
        ({"kid": "fabro"}, {}),
        ({}, {"iss": "fabro-server"}),
        ({}, {"scope": "run:worker admin"}),
        ({}, {"scope": "run:worker run:worker"}),
        ({}, {"scope": ""}),
        ({}, {"run_id": UNKNOWN.lower()}),
        ({}, {"run_id": "nope"}),
        ({}, {"exp": "never"}),
    ],
)
async def test_a_token_with_the_right_signature_that_says_anything_else_is_refused(
    server: Server, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    run_id = (await server.create())["id"]
    head, said = decoded(await token_for(server, run_id))
    token = forged({**head, **header}, json.dumps({**said, **claims}).encode(), SERVER_KEY)
    assert told(await ask(server, token, "GET", f"/runs/{run_id}")) == (401, "access_token_invalid")
    unchanged = forged(head, json.dumps(said).encode(), SERVER_KEY)
    assert (await ask(server, unchanged, "GET", f"/runs/{run_id}")).status_code == 200


async def test_a_worker_token_beside_another_token_is_malformed(server: Server) -> None:
    run_id = (await server.create())["id"]
    token = await token_for(server, run_id)
    both = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {server.token}")]
    answer = await server.anonymous.get(f"/api/v1/runs/{run_id}", headers=both)
    assert told(answer) == (401, "unauthorized")


# -- which servers accept it ----------------------------------------------------------------------------------------


async def test_two_servers_with_one_secret_accept_each_others_tokens(tmp_path: Path) -> None:
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "sqlite"}}}
    async with serving(settings, tmp_path) as one, serving(settings, tmp_path) as other:
        run_id = (await one.create())["id"]
        for issuer, judge in ((one, other), (other, one)):
            token = await token_for(issuer, run_id)
            assert (await ask(judge, token, "GET", f"/runs/{run_id}")).status_code == 200


def without_a_secret(home: Path) -> AbstractAsyncContextManager[Server]:
    """A server that has no session secret, and no web pages that would need one."""
    kind = {"kind": "sqlite"}
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": kind, "web": {"enabled": False}}}
    return serving(settings, home, session_secret=None)


async def test_without_a_secret_a_token_is_good_for_the_server_that_issued_it(tmp_path: Path) -> None:
    async with without_a_secret(tmp_path) as one, without_a_secret(tmp_path) as other:
        run_id = (await one.create())["id"]
        token = await token_for(one, run_id)
        assert (await ask(one, token, "GET", f"/runs/{run_id}")).status_code == 200
        assert (await other.client.get(f"/api/v1/runs/{run_id}")).status_code == 200
        assert told(await ask(other, token, "GET", f"/runs/{run_id}")) == (401, "access_token_invalid")


# -- a worker at its run --------------------------------------------------------------------------------------------


async def test_a_worker_takes_its_run_from_the_queue_to_its_end(server: Server) -> None:
    run_id = (await server.create())["id"]
    token = await token_for(server, run_id)
    assert (await ask(server, token, "POST", f"/runs/{run_id}/start")).json()["lifecycle"]["status"] == {
        "kind": "runnable"
    }
    script = (*RUNNING[1:], "checkpoint.completed", "run.completed")
    answers = [await ask(server, token, "POST", f"/runs/{run_id}/events", event(run_id, name)) for name in script]
    assert [answer.json() for answer in answers] == [{"seq": seq} for seq in range(5, 5 + len(script))]
    run = (await ask(server, token, "GET", f"/runs/{run_id}")).json()
    assert run["lifecycle"]["status"]["kind"] == "succeeded"
    (started,) = await server.events_of(run_id, "run.start_requested")
    assert started["actor"] == {"kind": "worker", "run_id": run_id}


@pytest.mark.parametrize("name", sorted(FOR_USERS))
async def test_a_worker_says_nothing_that_is_for_people_to_say(server: Server, name: str) -> None:
    run_id = (await server.create())["id"]
    token = await token_for(server, run_id)
    answer = await ask(server, token, "POST", f"/runs/{run_id}/events", event(run_id, name))
    assert told(answer) == (403, "access_denied")
    assert await server.log_of(run_id) == ["run.created", "run.submitted"]
    reserved = await ask(server, token, "POST", f"/runs/{run_id}/events", event(run_id, "run.cancel.requested"))
    assert reserved.status_code == 400


def test_what_is_for_people_to_say_is_what_would_let_a_worker_approve_itself() -> None:
    assert {
        "run.start_requested",
        "run.pending",
        "run.approved",
        "run.denied",
        "run.runnable",
        "run.removing",
    } == FOR_USERS


async def test_a_worker_follows_its_own_run_and_no_other(server: Server) -> None:
    own, other = (await server.create())["id"], (await server.create())["id"]
    token = await token_for(server, own)
    authorization = f"Bearer {token}"
    async with attached(server.app, f"/api/v1/runs/{own}/attach?since_seq=1", authorization=authorization) as reader:
        assert reader.status == 200
        assert [frame.id for frame in await reader.frames(2)] == [1, 2]
    assert told(await ask(server, token, "GET", f"/runs/{other}/attach")) == (403, "access_denied")
    assert told(await ask(server, token, "GET", "/attach")) == (401, None)


async def test_a_worker_steers_its_own_run(server: Server) -> None:
    run_id = (await server.create())["id"]
    token = await token_for(server, run_id)
    for name in RUNNING:
        await server.client.post(f"/api/v1/runs/{run_id}/events", json=event(run_id, name))
    assert (await ask(server, token, "POST", f"/runs/{run_id}/steer", {"text": "Shorter"})).status_code == 202
    (steered,) = await server.events_of(run_id, "run.steer")
    assert steered["actor"] == {"kind": "worker", "run_id": run_id}


# -- a worker and its children --------------------------------------------------------------------------------------


async def parent_and_child(server: Server) -> tuple[str, str, str]:
    """A run, the token of its worker, and a run that this worker has made its child."""
    parent = (await server.create(configs=[MANAGING]))["id"]
    token = await token_for(server, parent)
    created = await ask(server, token, "POST", "/runs", manifest(parent_id=parent))
    assert created.status_code == 201, created.text
    return parent, token, created.json()["id"]


async def test_a_run_that_a_worker_creates_is_created_by_it(server: Server) -> None:
    parent, _, child = await parent_and_child(server)
    run = (await server.client.get(f"/api/v1/runs/{child}")).json()
    assert (run["created_by"], run["parent_id"]) == ({"kind": "worker", "run_id": parent}, parent)
    (created,) = await server.events_of(child, "run.created")
    assert created["properties"]["provenance"]["subject"] == {"kind": "worker", "run_id": parent}
    assert created["actor"] == {"kind": "worker", "run_id": parent}


async def test_a_child_that_its_parents_worker_starts_waits_for_an_approval(server: Server) -> None:
    parent, token, child = await parent_and_child(server)
    started = await ask(server, token, "POST", f"/runs/{child}/start")
    lifecycle = started.json()["lifecycle"]
    assert started.status_code == 200
    assert (lifecycle["status"], lifecycle["queue_position"]) == (
        {"kind": "pending", "reason": "approval_required"},
        None,
    )
    assert lifecycle["approval"] == {
        "state": "pending",
        "requested_at": "2026-03-02T10:15:30Z",
        "decided_at": None,
        "denial_reason": None,
    }
    assert (await server.log_of(child))[-2:] == ["run.start_requested", "run.pending"]
    (pending,) = await server.events_of(child, "run.pending")
    assert pending["actor"] == {"kind": "worker", "run_id": parent}
    assert told(await ask(server, token, "POST", f"/runs/{child}/start")) == (409, "illegal_transition")
    assert told(await ask(server, token, "POST", f"/runs/{child}/approve")) == (401, None)


async def test_a_person_approves_the_child_of_a_worker(server: Server) -> None:
    _, token, child = await parent_and_child(server)
    await ask(server, token, "POST", f"/runs/{child}/start")
    approved = (await server.client.post(f"/api/v1/runs/{child}/approve")).json()["lifecycle"]
    assert (approved["status"], approved["approval"]["state"]) == ({"kind": "runnable"}, "approved")
    assert approved["queue_position"] == 1


async def test_a_person_denies_the_child_of_a_worker(server: Server) -> None:
    _, token, child = await parent_and_child(server)
    await ask(server, token, "POST", f"/runs/{child}/start")
    denied = (await server.client.post(f"/api/v1/runs/{child}/deny", json={"reason": "Too late"})).json()["lifecycle"]
    assert (denied["status"], denied["approval"]["state"]) == (
        {"kind": "failed", "reason": "approval_denied"},
        "denied",
    )


async def test_a_child_that_anybody_else_starts_is_in_the_queue_at_once(server: Server) -> None:
    _, _, first = await parent_and_child(server)
    _, _, second = await parent_and_child(server)
    stranger = await token_for(server, (await server.create(configs=[MANAGING]))["id"])
    by_a_person = await server.client.post(f"/api/v1/runs/{first}/start")
    by_another_worker = await ask(server, stranger, "POST", f"/runs/{second}/start")
    for started in (by_a_person, by_another_worker):
        assert started.json()["lifecycle"]["status"] == {"kind": "runnable"}
