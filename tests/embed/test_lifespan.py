"""Entering and leaving the lifespan, and what requests get around its end (server.md S13, S23)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from fabro_auth_devtoken import new_token
from fabro_core import FabroApp
from fabro_core.errors import StartupError, StoreUnavailable
from fabro_core.http import edge
from fabro_core.http.asgi import Message
from tests.embed.hosts import HOSTS
from tests.embed.serving import PREFIX, client_of, embedded, environment, new_run, served
from tests.embed.slow import SlowRequests

pytestmark = pytest.mark.anyio


async def status_and_code(client: httpx.AsyncClient, path: str) -> tuple[int, str | None]:
    answer = await client.get(path)
    errors = answer.json().get("errors", [{}])
    return answer.status_code, errors[0].get("code")


async def test_entering_a_second_time_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    fabro = embedded(tmp_path)
    async with fabro.app.lifespan(), client_of(fabro.app, **fabro.headers) as client:
        with pytest.raises(RuntimeError, match="entered already"):
            async with fabro.app.lifespan():
                pass

        created = await client.post("/api/v1/runs", content=new_run())

    assert created.status_code == 201


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_it_may_be_left_and_entered_again_on_another_event_loop(store: str, tmp_path: Path) -> None:
    fabro = embedded(tmp_path, store=store)

    async def create_and_count() -> int:
        async with fabro.app.lifespan(), client_of(fabro.app, **fabro.headers) as client:
            assert (await client.post("/api/v1/runs", content=new_run())).status_code == 201
            total: int = (await client.get("/api/v1/runs")).json()["meta"]["total"]
            return total

    assert [asyncio.run(create_and_count()) for _ in range(3)] == [1, 2, 3]


def test_the_store_is_watched_again_on_another_event_loop(tmp_path: Path) -> None:
    fabro = embedded(tmp_path)

    async def watched() -> bool:
        async with fabro.app.lifespan(), client_of(fabro.app) as client:
            await client.get("/health")
            await asyncio.sleep(0)
            return "fabro store health" in {task.get_name() for task in asyncio.all_tasks()}

    assert [asyncio.run(watched()) for _ in range(2)] == [True, True]


async def test_after_it_was_left_requests_are_told_the_missing_line(tmp_path: Path) -> None:
    fabro = embedded(tmp_path)
    async with fabro.app.lifespan():
        pass

    async with client_of(fabro.app) as client:
        assert await status_and_code(client, "/health") == (503, "not_started")


async def test_draining_ends_with_the_lifespan(tmp_path: Path) -> None:
    fabro = embedded(tmp_path)
    async with client_of(fabro.app) as client:
        async with fabro.app.lifespan():
            fabro.app.drain()
            assert await status_and_code(client, "/health/ready") == (503, "draining")
            assert await status_and_code(client, "/health") == (200, None)
        async with fabro.app.lifespan():
            assert await status_and_code(client, "/health/ready") == (200, None)


async def test_an_exception_of_the_host_passes_and_everything_is_closed(tmp_path: Path) -> None:
    fabro = embedded(tmp_path)
    with pytest.raises(LookupError, match="the host's own"):
        async with fabro.app.lifespan():
            raise LookupError("the host's own")

    with pytest.raises(StoreUnavailable):
        await fabro.app.assembly.store.ping()
    async with fabro.app.lifespan(), client_of(fabro.app) as client:
        assert await status_and_code(client, "/health") == (200, None)


async def test_a_start_that_failed_may_be_tried_again(tmp_path: Path) -> None:
    in_the_way = tmp_path / "storage"
    in_the_way.touch()
    fabro = embedded(tmp_path)
    with pytest.raises(StartupError, match=r"server\.storage\.root"):
        async with fabro.app.lifespan():
            pass
    in_the_way.unlink()

    async with fabro.app.lifespan(), client_of(fabro.app) as client:
        assert await status_and_code(client, "/health") == (200, None)


# -- requests around the end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["memory", "sqlite"])
async def test_requests_under_way_finish_before_the_store_is_closed(store: str, tmp_path: Path) -> None:
    fabro = embedded(tmp_path, store=store)
    async with client_of(fabro.app, **fabro.headers) as client:
        requests = SlowRequests(client)
        leave, left = await _enter(fabro.app)
        await requests.begin(20)

        leave.set()
        await _until_refused(client)
        assert not left.done()

        assert await requests.finish() == [201] * 20
        await left
        assert await status_and_code(client, "/health") == (503, "not_started")


async def test_a_request_that_comes_while_others_finish_is_told_to_try_again(tmp_path: Path) -> None:
    fabro = embedded(tmp_path)
    async with client_of(fabro.app, **fabro.headers) as client:
        requests = SlowRequests(client)
        leave, left = await _enter(fabro.app)
        await requests.begin(1)

        leave.set()
        late = await _until_refused(client)

        assert (late.status_code, late.headers["retry-after"]) == (503, "5")
        assert late.json()["errors"][0]["code"] == "draining"
        await requests.finish()
        await left


async def test_a_request_that_does_not_end_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "REQUEST_GRACE_SECONDS", 0)
    fabro = embedded(tmp_path)
    async with client_of(fabro.app, **fabro.headers) as client:
        requests = SlowRequests(client)
        leave, left = await _enter(fabro.app)
        await requests.begin(1)

        leave.set()
        await left

        await requests.abandon()


@pytest.mark.parametrize("framework", HOSTS)
async def test_requests_under_way_finish_when_the_server_of_the_host_stops(framework: str, tmp_path: Path) -> None:
    fabro = embedded(tmp_path, url="https://host.test/fabro")
    host = HOSTS[framework](fabro.app, PREFIX)
    async with served(host) as site, httpx.AsyncClient(base_url=site.base, headers=fabro.headers) as client:
        requests = SlowRequests(client, f"{PREFIX}/api/v1/runs")
        await requests.begin(8)

        fabro.app.drain()
        site.stop()

        assert await requests.finish() == [201] * 8
        await site.stopped


async def _enter(app: FabroApp) -> tuple[asyncio.Event, asyncio.Task[None]]:
    """Enter the lifespan in a task, which ends when the lifespan has been left."""
    entered, leave = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            entered.set()
            await leave.wait()

    left = asyncio.create_task(live())
    await entered.wait()
    return leave, left


async def _until_refused(client: httpx.AsyncClient) -> httpx.Response:
    answer = await client.get("/health")
    while answer.status_code == 200:
        await asyncio.sleep(0)  # a request without a socket gives nobody else a turn
        answer = await client.get("/health")
    return answer


# -- as the outermost application -----------------------------------------------------------------------------------


async def test_an_asgi_server_starts_and_stops_it_by_itself(tmp_path: Path) -> None:
    fabro = embedded(tmp_path)
    async with served(fabro.app) as site, httpx.AsyncClient(base_url=site.base) as client:
        assert await status_and_code(client, "/health/ready") == (200, None)

    with pytest.raises(StoreUnavailable):
        await fabro.app.assembly.store.ping()


STARTING = """
import uvicorn
from fabro_core import create_app

document = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}}}
uvicorn.run(create_app(document), port=0, lifespan="on")
"""


def test_an_asgi_server_is_told_why_the_start_failed(tmp_path: Path) -> None:
    (tmp_path / "storage").touch()
    environ = {**os.environ, **environment(tmp_path, new_token())}

    done = subprocess.run(
        [sys.executable, "-c", STARTING], env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 3
    assert f"ERROR:    server.storage.root: cannot create {tmp_path / 'storage'}" in done.stderr
    assert "Traceback" not in done.stderr


async def lifespan_messages(app: FabroApp, *received: Message | Exception) -> list[Message]:
    """What the application says when the server says this; an exception is raised instead of a message."""
    incoming = iter(received)
    sent: list[Message] = []

    async def receive() -> Message:
        message = next(incoming)
        if isinstance(message, Exception):
            raise message
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app({"type": "lifespan"}, receive, send)
    except (ConnectionError, RuntimeError) as error:
        sent.append({"type": "raised", "error": error})
    return sent


async def test_the_lifespan_protocol_goes_from_startup_to_shutdown(tmp_path: Path) -> None:
    sent = await lifespan_messages(embedded(tmp_path).app, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})

    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


async def test_a_fault_after_the_start_is_reported_as_one_of_the_end(tmp_path: Path) -> None:
    sent = await lifespan_messages(embedded(tmp_path).app, {"type": "lifespan.startup"}, ConnectionError("gone"))

    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.failed",
        "raised",
    ]
    assert "ConnectionError: gone" in sent[1]["message"]


async def test_a_host_and_its_server_that_both_start_it_are_told(tmp_path: Path) -> None:
    fabro = embedded(tmp_path)
    async with fabro.app.lifespan():
        sent = await lifespan_messages(fabro.app, {"type": "lifespan.startup"})

    assert sent[0]["type"] == "lifespan.startup.failed"
    assert "entered already" in sent[0]["message"]
