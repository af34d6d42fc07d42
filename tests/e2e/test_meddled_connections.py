"""The worker on connections that break and people who are quick: what processes alone would show by chance only."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabro_auth_devtoken import new_token
from fabro_core.testing.servers import RunningServer, running
from tests.e2e.site import ROOT, example, steps

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class LosesReplies(httpx.AsyncBaseTransport):
    """The server gets every event, and the first reply about each is lost on the way."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self.lost: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if request.method == "POST":
            await response.aread()
            self.lost.append(json.loads(request.content)["event"])
            raise httpx.ReadError("the connection broke", request=request)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class RefusesFirst(httpx.AsyncBaseTransport):
    """A store that is away whenever an event comes for the first time."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._tried: set[bytes] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.content not in self._tried:
            self._tried.add(request.content)
            return httpx.Response(503, request=request)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class ActsBefore(httpx.AsyncBaseTransport):
    """Somebody does something right before one event of the worker arrives."""

    def __init__(self, event: str, act: Callable[[], Awaitable[None]]) -> None:
        self._inner, self._event, self._act = httpx.AsyncHTTPTransport(), event, act

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and json.loads(request.content)["event"] == self._event:
            await self._act()
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the example, imported as its directory would have it."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    return importlib.import_module("worker")


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    token = new_token()
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}}}
    async with running(settings, token=token, environ={"FABRO_DEV_TOKEN": token}) as server:
        yield server


async def runnable(server: RunningServer, source: str) -> str:
    workflow = {"target": {"path": "w.fabro"}, "workflows": {"w.fabro": {"source": source}}}
    answer = await server.client.post("/api/v1/runs", json={"version": 1, "cwd": "/projects/shop", **workflow})
    run_id: str = answer.raise_for_status().json()["id"]
    (await server.client.post(f"/api/v1/runs/{run_id}/start")).raise_for_status()
    return run_id


async def work(
    worker: Any, server: RunningServer, run_id: str, transport: httpx.AsyncBaseTransport, directory: Path
) -> bool:
    """Do a run's work over a connection; whether it succeeded."""
    issued = (await server.client.post(f"/api/v1/runs/{run_id}/worker-token")).raise_for_status().json()
    headers = {"Authorization": f"Bearer {issued['token']}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, transport=transport) as client:
        succeeded: bool = await worker.work(worker.RunLog(client, run_id), str(directory))
        return succeeded


async def names(server: RunningServer, run_id: str) -> list[str]:
    page = (await server.client.get(f"/api/v1/runs/{run_id}/events?limit=1000")).json()
    return [event["event"] for event in page["data"]]


async def test_no_event_is_doubled_when_every_reply_is_lost(worker: Any, server: RunningServer, tmp_path: Path) -> None:
    run_id = await runnable(server, steps(only="true"))
    transport = LosesReplies()

    assert await work(worker, server, run_id, transport, tmp_path)

    assert (await names(server, run_id))[4:] == transport.lost


async def test_no_event_is_left_out_when_the_store_is_away(worker: Any, server: RunningServer, tmp_path: Path) -> None:
    first, second = [await runnable(server, steps(only="true")) for _ in range(2)]

    assert await work(worker, server, first, RefusesFirst(), tmp_path)
    assert await work(worker, server, second, httpx.AsyncHTTPTransport(), tmp_path)

    assert await names(server, first) == await names(server, second)


async def test_an_answer_that_comes_before_the_block_does_not_leave_the_run_blocked(
    worker: Any, server: RunningServer, tmp_path: Path
) -> None:
    run_id = await runnable(server, example("release"))

    async def answer() -> None:
        path = f"/api/v1/runs/{run_id}/questions"
        (question,) = (await server.client.get(path)).json()["data"]
        selected = {"kind": "selected", "option_key": "A"}
        assert (await server.client.post(f"{path}/{question['id']}/answer", json=selected)).status_code == 204

    assert await work(worker, server, run_id, ActsBefore("run.blocked", answer), tmp_path)

    log = await names(server, run_id)
    asked = log.index("interview.started")
    assert log[asked : asked + 4] == ["interview.started", "interview.completed", "run.blocked", "run.unblocked"]


async def test_a_worker_that_comes_second_leaves_the_run_alone(
    worker: Any, server: RunningServer, tmp_path: Path
) -> None:
    run_id = await runnable(server, steps(only="true"))

    async def take_it() -> None:
        event = {"id": "first", "ts": "2026-03-02T10:15:30Z", "run_id": run_id, "event": "run.starting"}
        (await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)).raise_for_status()

    with pytest.raises(worker.Stopped, match="another worker has taken the run"):
        await work(worker, server, run_id, ActsBefore("run.starting", take_it), tmp_path)

    assert (await names(server, run_id))[4:] == ["run.starting", "run.starting"]
