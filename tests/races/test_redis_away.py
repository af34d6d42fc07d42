"""A server whose Redis fails: it says so, keeps what it can, and goes on by itself (server.md S7, S27)."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cli.terminal import wait_until
from tests.plugins.store_redis.test_redis_failover import AT_ONCE
from tests.plugins.store_redis.valkey import DURABLE, Valkey, running
from tests.ports import free_port
from tests.proxy import round_robin
from tests.races.server_process import DidNotStart, ServerProcess, on_redis, server_process
from tests.races.work import started
from tests.soak.caller import Caller
from tests.soak.lanes import Run, append, follow, log_of

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ALWAYS_ANSWERED = ("/health", "/", "/api/v1/openapi.json", "/api/v1/auth/config", "/login")


@dataclass
class Site:
    valkey: Valkey
    server: ServerProcess
    caller: Caller
    run: Run
    following: asyncio.Task[None]

    async def get(self, path: str) -> httpx.Response:
        async with self.server.client() as client:
            return await client.get(path)

    async def becomes(self, status: int) -> None:
        """Wait until readiness has this status."""
        async with asyncio.timeout(30):
            while True:
                if (await self.get("/health/ready")).status_code == status:
                    return
                await asyncio.sleep(0.05)

    async def goes_on(self) -> None:
        """The same process works again, the log is dense, and the stream has carried all of it."""
        await self.becomes(200)
        assert (await self.get("/health")).json() == {"status": "ok"}
        for _ in range(5):
            await append(self.caller, self.run, "acme.note")
        await append(self.caller, self.run, "run.completed")
        async with asyncio.timeout(30):
            await self.following
        log = await log_of(self.caller, self.run.id)
        assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
        assert [json.loads(data) for _, data in self.run.seen] == log
        assert {event["id"]: event["seq"] for event in log}.items() >= self.run.acknowledged.items()
        listed = (await self.get("/api/v1/runs")).json()
        assert [run["lifecycle"]["status"]["kind"] for run in listed["data"]] == ["succeeded"]
        assert self.server.process.poll() is None


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with running(tmp_path) as valkey:
        yield valkey


@pytest.fixture
async def site(valkey: Valkey, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    with server_process(tmp_path / "home", on_redis(valkey.url, timeout_seconds=2)) as server:
        async with server.client() as client:
            run = Run(await started(client), "the run")
        caller = Caller(f"http://{server.host}:{server.port}", Counter())
        following = asyncio.create_task(follow(caller, run))
        yield Site(valkey, server, caller, run, following)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await caller.close()


@contextmanager
def without_room(valkey: Valkey) -> Iterator[None]:
    """Every connection is cut, and somebody else has taken the only one that there may be."""
    with socket.socket(socket.AF_UNIX) as hog:
        hog.connect(valkey.url.removeprefix("unix://"))

        def say(line: bytes) -> None:
            hog.sendall(line + b"\r\n")
            hog.recv(100)

        say(b"CONFIG SET maxclients 1")
        say(b"CLIENT KILL TYPE normal SKIPME yes")
        say(b"CLIENT KILL TYPE pubsub")
        yield
        say(b"CONFIG SET maxclients 10000")


FAULTS: dict[str, Callable[[Valkey], AbstractContextManager[None]]] = {
    "killed": Valkey.away,
    "paused": Valkey.stopped,
    "no connection left": without_room,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_while_redis_is_away_the_server_says_so_and_afterwards_it_goes_on(
    site: Site, fault: Callable[[Valkey], AbstractContextManager[None]]
) -> None:
    with ExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, fault(site.valkey))
        refused = await site.get("/api/v1/runs")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        (error,) = refused.json()["errors"]
        assert (error["code"], error["detail"]) == (
            "store_unavailable",
            "The store is unavailable. Try again later.",
        )
        await site.becomes(503)
        assert (await site.get("/health")).json() == {"status": "degraded", "store": "unavailable"}
        for path in ALWAYS_ANSWERED:
            assert (await site.get(path)).status_code in (200, 303), path
        writing = asyncio.create_task(append(site.caller, site.run, "acme.note"))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(stack.close)
        await writing
    await site.goes_on()


async def test_without_memory_left_reads_are_answered_and_runs_deleted_and_writes_refused(site: Site) -> None:
    async with site.server.client() as client:
        ended, archived = [await started(client) for _ in range(2)]
        for run_id in (ended, archived):
            await append(site.caller, Run(run_id, "one that ends"), "run.completed")
        assert (await client.post(f"/api/v1/runs/{archived}/archive")).status_code == 200
        site.valkey.ask(b"CONFIG SET maxmemory 1")
        assert (await client.get("/api/v1/runs")).status_code == 200
        for run_id in (ended, archived):
            assert (await client.delete(f"/api/v1/runs/{run_id}")).status_code == 204
        refused = await client.post(f"/api/v1/runs/{site.run.id}/cancel")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    site.valkey.ask(b"CONFIG SET maxmemory 0")
    await site.goes_on()


async def test_flushed_scripts_are_not_noticed(site: Site) -> None:
    site.valkey.ask(b"SCRIPT FLUSH")
    assert (await site.get("/api/v1/runs")).status_code == 200
    site.valkey.ask(b"SCRIPT FLUSH")
    await site.goes_on()


async def test_a_server_goes_on_at_the_replica_that_takes_the_place_of_the_primary(tmp_path: Path) -> None:
    ports = (free_port(), free_port())
    places = [tmp_path / name for name in ("p", "r", "third")]
    for place in places:
        place.mkdir()
    with (
        running(places[0], *DURABLE, *AT_ONCE, "--port", str(ports[0])) as primary,
        running(places[1], *DURABLE, *AT_ONCE, "--port", str(ports[1])) as replica,
    ):
        replica.ask(f"REPLICAOF 127.0.0.1 {ports[0]}".encode())
        await asyncio.to_thread(wait_until, lambda: b"link_status:up" in replica.ask(b"INFO replication"))
        leads_to = [ports[0]]
        async with round_robin(leads_to) as port:
            store = on_redis(f"redis://127.0.0.1:{port}/0", timeout_seconds=1) + "wait_for_replicas = 1\n"
            starting = ExitStack()
            with starting:
                home = tmp_path / "home"
                server = await asyncio.to_thread(starting.enter_context, server_process(home, store))
                async with server.client() as client:
                    run = Run(await started(client), "the run")
                caller = Caller(f"http://{server.host}:{server.port}", Counter())
                following = asyncio.create_task(follow(caller, run))
                site = Site(replica, server, caller, run, following)
                await append(caller, run, "acme.note")
                primary.kill()
                assert (await site.get("/api/v1/runs")).status_code == 503
                replica.ask(b"REPLICAOF NO ONE")
                leads_to[:] = [ports[1]]
                with running(places[2], *DURABLE, "--port", "0") as third:
                    third.ask(f"REPLICAOF 127.0.0.1 {ports[1]}".encode())
                    await site.goes_on()
                await caller.close()


def test_a_server_does_not_start_without_its_redis(tmp_path: Path) -> None:
    with (
        pytest.raises(
            DidNotStart,
            match=r"^the store is unavailable: The Redis server at .* cannot answer: "
            r"(there is no such socket|the connection is refused)\. Cause: \w+\.\n$",
        ),
        server_process(tmp_path / "home", on_redis(f"unix://{tmp_path}/nobody", timeout_seconds=1)),
    ):
        pass
