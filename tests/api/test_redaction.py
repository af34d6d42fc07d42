"""The values of secrets do not appear in what is told of runs (events.md E2), on both stores."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server, manifest, serving
from tests.api.stored_bytes import bytes_below
from tests.api.working import Worker, at_work
from tests.plugins.store_redis.valkey import running
from tests.streams.client import attached

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

SECRET = "hunter2-hunter2"
HIDDEN = f"it is {SECRET}!"
SHOWN = "it is [REDACTED]!"
STAGE = {"stage_id": "build@1", "node_id": "build"}


async def keep(server: Server, value: str = SECRET, name: str = "TOKEN") -> None:
    answer = await server.client.post("/api/v1/secrets", json={"name": name, "type": "token", "value": value})
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def worker(server: Server) -> Worker:
    """The worker of a run on a server that keeps a secret."""
    await keep(server)
    return await at_work(server)


async def events(worker: Worker, **headers: str) -> list[dict[str, Any]]:
    answer = await worker.server.client.get(f"/api/v1/runs/{worker.run_id}/events?limit=1000", headers=headers)
    assert answer.status_code == 200
    told: list[dict[str, Any]] = answer.json()["data"]
    return told


async def streamed(worker: Worker, target: str, **headers: str) -> AsyncIterator[dict[str, Any]]:
    headers = {"authorization": worker.server.client.headers["authorization"], **headers}
    async with attached(worker.server.app, target, **headers) as reader:
        while True:
            yield json.loads((await reader.frame()).data)


async def first(told: AsyncIterator[dict[str, Any]], name: str) -> dict[str, Any]:
    async for event in told:
        if event["event"] == name:
            return event
    raise AssertionError(name)


async def own_worker(worker: Worker) -> dict[str, str]:
    """The headers of the run's own worker."""
    answer = await worker.server.client.post(f"/api/v1/runs/{worker.run_id}/worker-token")
    assert answer.status_code == 201, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


# -- what workers say -----------------------------------------------------------------------------------------------


async def test_an_event_is_stored_and_told_without_the_value(worker: Worker) -> None:
    await worker.says("agent.message", {"text": HIDDEN, "extra": {SECRET: [HIDDEN]}}, **STAGE)
    (told,) = [each for each in await events(worker) if each["event"] == "agent.message"]
    assert (told["properties"]["text"], told["properties"]["extra"]) == (SHOWN, {"[REDACTED]": [SHOWN]})
    detail = await worker.reads(f"events/{told['seq']}")
    assert (detail["content"]["value"], detail["redacted"]) == (SHOWN, True)
    of_stage = await worker.reads("stages/build@1/events")
    assert of_stage["data"] == [told]
    async for event in streamed(worker, f"/api/v1/runs/{worker.run_id}/attach?since_seq={told['seq']}"):
        assert event == told
        break
    assert SECRET not in str(await worker.server.events_of(worker.run_id, "agent.message"))
    plain = await worker.reads(f"events/{told['seq'] - 1}")
    assert plain["redacted"] is False


async def test_what_is_derived_from_events_has_none_of_it(worker: Worker) -> None:
    await worker.says("stage.started", **STAGE)
    await worker.says("command.completed", {"output": HIDDEN}, **STAGE)
    await worker.says("interview.started", {"question_id": "q", "question": HIDDEN})
    asked = await worker.reads("questions")
    assert asked["data"][0]["text"] == SHOWN
    log = await worker.reads("stages/build@1/logs/output")
    assert b64decode(log["bytes_base64"]).decode() == SHOWN
    failure = {"reason": "workflow_error", "detail": {"message": HIDDEN, "category": "deterministic"}}
    await worker.says("run.failed", {"failure": failure, "final_patch": f"+{SECRET}"})
    run = (await worker.server.client.get(f"/api/v1/runs/{worker.run_id}")).json()
    assert run["lifecycle"]["error"]["message"] == SHOWN
    assert SECRET not in str(await worker.reads("state"))
    page = await worker.server.client.get(f"/runs/{worker.run_id}", headers={"accept": "text/html"})
    assert SECRET not in page.text


async def test_an_output_in_a_blob_is_told_without_the_value(worker: Worker) -> None:
    content = HIDDEN.encode()
    digest = hashlib.sha256(content).hexdigest()
    blob = await worker.server.client.post(
        f"/api/v1/runs/{worker.run_id}/blobs", content=content, headers={"content-type": "application/octet-stream"}
    )
    assert blob.status_code == 200, blob.text
    await worker.says("stage.started", **STAGE)
    await worker.says("command.completed", {"output": f"blob://sha256/{digest}"}, **STAGE)
    log = await worker.reads("stages/build@1/logs/output?offset=3&limit=8")
    assert (b64decode(log["bytes_base64"]).decode(), log["total_bytes"]) == (SHOWN[3:11], len(SHOWN))


async def test_an_escape_hides_nothing_and_a_word_of_the_protocol_stays(worker: Worker) -> None:
    await keep(worker.server, "succeeded", "WORD")
    event = {"id": "x", "ts": "2026-03-02T10:20:00Z", "run_id": worker.run_id, "event": "run.notice"}
    body = json.dumps({**event, "properties": {"level": "info", "code": "c", "message": "MESSAGE"}})
    escaped = "".join(f"\\u{ord(character):04x}" for character in SECRET)
    answer = await worker.server.client.post(
        f"/api/v1/runs/{worker.run_id}/events", content=body.replace("MESSAGE", escaped)
    )
    assert answer.status_code == 200
    assert (await events(worker))[-1]["properties"]["message"] == "[REDACTED]"
    await worker.says("run.completed", {"extra": "succeeded"})
    properties = (await events(worker))[-1]["properties"]
    assert (properties["status"], properties["extra"]) == ("succeeded", "[REDACTED]")
    run = (await worker.server.client.get(f"/api/v1/runs/{worker.run_id}")).json()
    assert run["lifecycle"]["status"]["kind"] == "succeeded"


async def test_a_run_is_created_without_the_value_in_its_graph_and_settings(server: Server) -> None:
    await keep(server)
    whole = manifest()
    (workflow,) = whole["workflows"].values()
    workflow["source"] = workflow["source"].replace("Show that", f"{SECRET}: show that")
    workflow["source"] = workflow["source"].replace("uname -a", f"echo {SECRET}")
    created = await server.client.post("/api/v1/runs", content=json.dumps(whole))
    assert created.status_code == 201, created.text
    run = created.json()
    assert run["goal"].startswith("[REDACTED]: show that")
    (told,) = await server.events_of(run["id"], "run.created")
    assert SECRET not in str(told)
    assert "echo [REDACTED]" in str(told["properties"]["graph"])


# -- what people tell a worker --------------------------------------------------------------------------------------


async def test_the_own_worker_reads_a_steer_word_by_word_and_nobody_else_does(worker: Worker) -> None:
    answer = await worker.server.client.post(f"/api/v1/runs/{worker.run_id}/steer", json={"text": HIDDEN})
    assert answer.status_code == 202, answer.text
    seq = (await events(worker))[-1]["seq"]
    own = await own_worker(worker)
    target = f"/api/v1/runs/{worker.run_id}/attach?since_seq={seq}"
    for headers, text in (({}, SHOWN), (own, HIDDEN)):
        assert (await events(worker, **headers))[-1]["properties"] == {"text": text}
        detail = await worker.server.client.get(f"/api/v1/runs/{worker.run_id}/events/{seq}", headers=headers)
        assert (detail.json()["content"]["value"], detail.json()["redacted"]) == (text, text == SHOWN)
        assert (await first(streamed(worker, target, **headers), "run.steer"))["properties"] == {"text": text}


async def test_an_answer_is_word_by_word_for_the_own_worker_alone(worker: Worker) -> None:
    asked = {"question_id": "q", "question": "Which?", "question_type": "freeform", "allow_freeform": True}
    await worker.says("interview.started", asked)
    async with attached(
        worker.server.app, "/api/v1/attach", authorization=worker.server.client.headers["authorization"]
    ) as everything:
        answer = await worker.server.client.post(
            f"/api/v1/runs/{worker.run_id}/questions/q/answer", json={"kind": "text", "text": HIDDEN}
        )
        assert answer.status_code == 204, answer.text
        told = json.loads((await everything.frame()).data)
    assert (told["event"], told["properties"]["answer"]) == ("interview.completed", SHOWN)
    assert told["properties"]["submission"] == {"kind": "text", "text": SHOWN}
    own = await events(worker, **await own_worker(worker))
    assert own[-1]["properties"]["answer"] == HIDDEN


async def test_a_title_and_what_is_said_in_a_session_are_stored_without_it(worker: Worker) -> None:
    path = f"/api/v1/runs/{worker.run_id}"
    assert (await worker.server.client.patch(path, json={"title": HIDDEN})).json()["title"] == SHOWN
    session = (await worker.server.client.post(f"{path}/sessions", json={"title": HIDDEN})).json()
    assert session["title"] == SHOWN
    told = await worker.server.client.post(f"/api/v1/sessions/{session['id']}/turns", json={"input": HIDDEN})
    assert SHOWN in told.text
    assert SECRET not in told.text


# -- artifacts ------------------------------------------------------------------------------------------------------


async def test_an_artifact_is_listed_without_it_and_found_by_either_name(worker: Worker) -> None:
    artifacts = f"/api/v1/runs/{worker.run_id}/stages/build@1/artifacts"
    binary = {"content-type": "application/octet-stream"}
    path = {"filename": f"out/{SECRET}.txt", "retry": "0"}
    put = await worker.server.client.post(artifacts, params=path, content=b"x", headers=binary)
    assert put.status_code in (200, 201, 204), put.text
    listed = await worker.server.client.get(artifacts)
    assert SECRET not in listed.text
    assert "out/[REDACTED].txt" in listed.text
    for name in (path["filename"], "out/[REDACTED].txt"):
        found = await worker.server.client.get(f"{artifacts}/download", params={"filename": name, "retry": "0"})
        assert (found.status_code, found.content) == (200, b"x")


# -- secrets come and go --------------------------------------------------------------------------------------------


async def test_what_became_a_secret_later_is_taken_out_where_events_are_read(worker: Worker) -> None:
    later = "correct-horse-battery"
    session = (await worker.server.client.post(f"/api/v1/runs/{worker.run_id}/sessions", json={"title": later})).json()
    await worker.says("agent.message", {"text": later}, **STAGE)
    seq = (await events(worker))[-1]["seq"]
    await keep(worker.server, later, "LATER")
    assert (await events(worker))[-1]["properties"]["text"] == "[REDACTED]"
    detail = await worker.reads(f"events/{seq}")
    assert (detail["content"]["value"], detail["redacted"]) == ("[REDACTED]", True)
    target = f"/api/v1/runs/{worker.run_id}/attach?since_seq={seq}"
    assert (await first(streamed(worker, target), "agent.message"))["properties"]["text"] == "[REDACTED]"
    of_session = await worker.server.client.get(f"/api/v1/sessions/{session['id']}/events")
    assert of_session.json()["data"][0]["properties"]["title"] == "[REDACTED]"
    own = await events(worker, **await own_worker(worker))
    assert own[-1]["properties"]["text"] == later


async def test_what_is_no_secret_any_more_is_told(worker: Worker) -> None:
    answer = await worker.server.client.request("DELETE", "/api/v1/secrets", json={"name": "TOKEN"})
    assert answer.status_code == 204
    await worker.says("agent.message", {"text": HIDDEN}, **STAGE)
    assert (await events(worker))[-1]["properties"]["text"] == HIDDEN


async def test_a_secret_of_another_server_is_known_a_moment_later(
    tmp_path: Path, anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "sqlite"}}}
    async with serving(settings, tmp_path / "home") as here, serving(settings, tmp_path / "home") as there:
        worker = await at_work(there)
        await keep(here)
        async with asyncio.timeout(10):
            while True:
                await worker.says("run.notice", {"message": HIDDEN})
                if (await events(worker))[-1]["properties"]["message"] == SHOWN:
                    break


@pytest.fixture(params=["sqlite", "redis"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """The settings of a store, and the directory that has all of its files."""
    if request.param == "sqlite":
        yield {"kind": "sqlite"}, tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="fabro-valkey-") as directory, running(Path(directory)) as valkey:
        yield {"kind": "redis", "redis": {"url": valkey.url}}, Path(directory)


async def test_no_file_of_a_store_has_the_value_after_all_of_this(
    kept: tuple[dict[str, Any], Path], tmp_path: Path, anyio_backend: str
) -> None:
    store, directory = kept
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": store}}
    async with serving(settings, tmp_path / "home") as server:
        await keep(server)
        worker = await at_work(server)
        await worker.says("agent.message", {"text": HIDDEN}, **STAGE)
        await worker.says("command.completed", {"output": HIDDEN}, **STAGE)
        await server.client.patch(f"/api/v1/runs/{worker.run_id}", json={"title": HIDDEN})
        files = bytes_below(directory)
    assert b"it is [REDACTED]!" in files
    assert SECRET.encode() not in files
    assert SECRET.encode() not in bytes_below(directory)


async def test_a_failure_does_not_repeat_the_value(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """A key that is tested, and a secret that is refused, are in no answer and no line of the log."""
    answers: list[httpx.Response] = [
        await worker.server.client.post("/api/v1/secrets", json={"name": "9", "type": "token", "value": SECRET}),
        await worker.server.client.post("/api/v1/secrets", json={"name": "A", "type": "oauth", "value": SECRET}),
        await worker.server.client.post("/api/v1/secrets", json={"name": "A", "type": SECRET, "value": 1}),
    ]
    assert {each.status_code for each in answers} == {400}
    assert not any(SECRET in each.text for each in answers[:2])
    assert SECRET not in caplog.text
