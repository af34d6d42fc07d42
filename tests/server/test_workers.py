"""Several processes behind one listener (server.md S21, S23)."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from fabro_core.server.record import RunDirectory
from tests.api.conftest import manifest
from tests.cli.terminal import wait_until
from tests.races.following import follow
from tests.races.server_process import TOKEN, ServerProcess, on_sqlite, server_process
from tests.races.work import NOTE, append, started

pytestmark = pytest.mark.anyio

WORKERS = ("--workers", "2")
SECONDS = 30


def workers_of(server: ServerProcess) -> list[int]:
    """The two processes that serve."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    wait_until(lambda: len(children.read_text().split()) == 2)
    return [int(each) for each in children.read_text().split()]


def still_there(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@contextmanager
def halted(pid: int, database: Path) -> Iterator[None]:
    """The other worker is the one that answers.

    No worker halts within a write to the file, as it would keep the other from writing for as long as it stands.
    """
    try:
        with closing(sqlite3.connect(database, timeout=SECONDS, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            os.kill(pid, signal.SIGSTOP)
            wait_until(lambda: stands(pid))
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def stands(pid: int) -> bool:
    """Whether a signal has stopped every thread of the process."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(each.read_text().rpartition(")")[2].split()[0] == "T" for each in threads)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The file that the workers share."""
    return tmp_path / "fabro.db"


@pytest.fixture
def server(tmp_path: Path, database: Path) -> Iterator[ServerProcess]:
    """A server of two workers on one file."""
    with server_process(tmp_path / "home", on_sqlite(database), *WORKERS) as server:
        workers_of(server)
        yield server


async def test_runs_and_sessions_of_one_worker_count_in_the_other(server: ServerProcess, database: Path) -> None:
    here, there = workers_of(server)
    async with server.client() as client:
        with halted(there, database):
            run_id = await started(client)
            signed_in = await client.post("/auth/login/dev-token", json={"token": TOKEN})
    with halted(here, database):
        async with httpx.AsyncClient(base_url=client.base_url, cookies=client.cookies, trust_env=False) as browser:
            assert (await browser.get(f"/api/v1/runs/{run_id}")).status_code == 200
    assert signed_in.status_code == 200


async def test_an_event_of_one_worker_reaches_followers_at_the_other(server: ServerProcess, database: Path) -> None:
    here, there = workers_of(server)
    async with server.client() as client, server.client() as elsewhere:
        run_id = await started(client)
        with halted(here, database):
            following = asyncio.create_task(follow(elsewhere, run_id))
            seq = await append(elsewhere, run_id, NOTE)
        with halted(there, database):
            async with server.client() as another:
                await append(another, run_id, NOTE, "second")
                await append(another, run_id, "run.completed")
        frames = await following
    assert [frame.id for frame in frames] == list(range(1, seq + 3))


def test_a_worker_that_is_killed_is_replaced_and_the_others_go_on_serving(
    server: ServerProcess, database: Path
) -> None:
    first, second = workers_of(server)
    os.kill(first, signal.SIGKILL)
    url = f"http://{server.host}:{server.port}/health"
    assert httpx.get(url, trust_env=False, timeout=SECONDS).status_code == 200
    wait_until(lambda: first not in workers_of(server))

    assert second in workers_of(server)
    with halted(second, database):
        assert httpx.get(url, trust_env=False, timeout=SECONDS).status_code == 200


def test_a_worker_whose_place_cannot_be_taken_at_once_is_replaced_later(server: ServerProcess, tmp_path: Path) -> None:
    parent = server.process.pid
    _, most = resource.prlimit(parent, resource.RLIMIT_NOFILE)
    resource.prlimit(parent, resource.RLIMIT_NOFILE, (3, most))  # no further pipe
    workers = workers_of(server)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "a worker cannot be started" in (tmp_path / "home" / "stdout.log").read_text())
    resource.prlimit(parent, resource.RLIMIT_NOFILE, (most, most))

    assert not set(workers_of(server)) & set(workers)
    url = f"http://{server.host}:{server.port}/health"
    assert httpx.get(url, trust_env=False, timeout=SECONDS).status_code == 200


async def test_a_stop_signal_to_the_whole_group_lets_streams_end_cleanly(server: ServerProcess) -> None:
    workers = workers_of(server)
    async with server.client() as client:
        run_id = await started(client)
        streams = [asyncio.create_task(follow(client, run_id)) for _ in range(10)]
        await append(client, run_id, NOTE)
        for pid in (server.process.pid, *workers):
            os.kill(pid, signal.SIGTERM)
        ended = await asyncio.gather(*streams, return_exceptions=True)

    assert await asyncio.to_thread(server.process.wait, SECONDS) == 0
    assert not [each for each in ended if isinstance(each, AssertionError)], "no stream was cut within a frame"
    assert not still_there(workers)


def test_a_server_that_is_killed_takes_its_workers_along(server: ServerProcess, tmp_path: Path) -> None:
    workers = workers_of(server)
    server.kill()
    server.process.wait(SECONDS)
    wait_until(lambda: not RunDirectory(tmp_path / "home" / "storage").is_running())

    wait_until(lambda: not still_there(workers))


def test_a_worker_that_takes_the_place_of_another_has_the_settings_of_now(
    server: ServerProcess, tmp_path: Path
) -> None:
    def changes() -> int:
        return (tmp_path / "home" / "stdout.log").read_text().count("server.logging.level has changed")

    with (tmp_path / "home" / "settings.toml").open("a") as settings:
        settings.write('[server.logging]\nlevel = "warning"\n')
    wait_until(lambda: changes() == 2)
    os.kill(workers_of(server)[0], signal.SIGKILL)

    wait_until(lambda: changes() == 3)


def test_every_worker_looks_at_the_settings_when_told(server: ServerProcess, tmp_path: Path) -> None:
    def readings() -> int:
        return (tmp_path / "home" / "stdout.log").read_text().count("the settings stay as they were")

    with (tmp_path / "home" / "settings.toml").open("a") as settings:
        settings.write('[server.logging]\nlevel = "loud"\n')
    wait_until(lambda: readings() == 2)
    server.process.send_signal(signal.SIGHUP)

    wait_until(lambda: readings() == 4)


async def test_workers_share_the_key_of_worker_tokens_that_a_start_draws(tmp_path: Path, database: Path) -> None:
    home = tmp_path / "home"
    store = on_sqlite(database) + "[server.web]\nenabled = false\n"
    with server_process(home, store, *WORKERS, session_secret=None) as server:
        here, there = workers_of(server)
        async with server.client() as client:
            with halted(there, database):
                run_id = (await client.post("/api/v1/runs", json=manifest())).json()["id"]
                issued = await client.post(f"/api/v1/runs/{run_id}/worker-token")
            with halted(here, database):
                async with server.client() as another:
                    path = f"/api/v1/runs/{run_id}"
                    told = await another.get(path, headers=bearer(issued.json()["token"]))
    assert told.status_code == 200
