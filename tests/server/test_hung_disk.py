"""A disk that hangs under a running server: the log says where it hangs, and a stop does not wait for it for ever."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from fabro_core.server.loop_watch import LoopWatch
from tests.api.conftest import manifest
from tests.cli.distributions import distribute
from tests.cli.terminal import wait_until
from tests.races.server_process import ServerProcess, server_process

PLUGIN = """
import sqlite3
import threading
import time
from pathlib import Path

from fabro_core import hookimpl
from fabro_store_sqlite import SqliteRunStore

FABRO_PLUGIN_API = 1
HERE = Path(__file__).parent


class Hanging(sqlite3.Connection):
    def execute(self, statement, *binds):
        flag = HERE / f"{threading.current_thread().name.partition('_')[0]} hangs"
        while flag.exists():
            time.sleep(0.01)
        return super().execute(statement, *binds)


@hookimpl
def fabro_run_store(ctx):
    return SqliteRunStore(Path(ctx.storage_root) / "fabro.db", driver=Hanging, logger=ctx.logger)
"""

ON_THE_LOOP = "MainThread"
A_WRITE, A_READ = "fabro-sqlite-write", "fabro-sqlite-read"


@dataclass(frozen=True)
class Disk:
    """What a server's database is on."""

    site: Path
    log: Path

    @contextmanager
    def hanging(self, thread: str) -> Iterator[Path]:
        """No statement of that thread comes back while the file exists, at most as long as the context lasts."""
        flag = self.site / f"{thread} hangs"
        flag.touch()
        yield flag
        flag.unlink(missing_ok=True)

    def has_logged(self, words: str) -> bool:
        return words in self.log.read_text()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    site = tmp_path / "site"
    distribute(site, "acme-disk", "fabro.store", "disk", "acme_disk")
    (site / "acme_disk.py").write_text(PLUGIN)
    return Disk(site, tmp_path / "home" / "stdout.log")


@pytest.fixture
def server(disk: Disk, tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on that disk."""
    path = {"PYTHONPATH": str(disk.site)}
    with server_process(tmp_path / "home", '[server.store]\nkind = "disk"\n', secrets=path) as server:
        yield server


@contextmanager
def asking(server: ServerProcess, method: str = "GET", path: str = "/api/v1/runs") -> Iterator[list[int]]:
    """Somebody asks and waits; the list has the status once there is an answer, 0 when there is none."""
    answered: list[int] = []

    async def ask() -> None:
        async with server.client() as client:
            try:
                answer = await client.request(method, path, json=manifest() if method == "POST" else None)
            except httpx.HTTPError:
                answered.append(0)
            else:
                answered.append(answer.status_code)

    thread = threading.Thread(target=lambda: asyncio.run(ask()))
    thread.start()
    yield answered
    thread.join()


@pytest.mark.slow
def test_a_read_that_hangs_on_the_event_loop_is_named_and_everything_goes_on_with_it(
    server: ServerProcess, disk: Disk
) -> None:
    with disk.hanging(ON_THE_LOOP) as flag, asking(server) as answered:
        wait_until(lambda: disk.has_logged("the event loop stands still, and nothing is answered: it is in execute ("))
        assert answered == []
        flag.unlink()
    assert answered == [200]
    wait_until(lambda: disk.has_logged("the event loop goes on"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("thread", "method", "path"),
    [(A_WRITE, "POST", "/api/v1/runs"), (A_READ, "GET", "/api/v1/runs?page[offset]=100000")],
    ids=["write", "read"],
)
def test_a_stop_does_not_wait_for_what_hangs_in_a_thread(
    server: ServerProcess, disk: Disk, thread: str, method: str, path: str
) -> None:
    with disk.hanging(thread), asking(server, method, path) as answered:
        wait_until(lambda: disk.has_logged("the store is unavailable: "))
        assert server.stop() == 0
    assert answered in ([0], [503])
    assert disk.has_logged("cannot be closed within 3 s, and is left; what was acknowledged is in it")


async def stand_still(records: list[logging.LogRecord]) -> None:
    while not records:
        time.sleep(0.01)  # noqa: ASYNC251 - what must not be done is what is done here


@pytest.mark.anyio
async def test_the_log_names_the_function_that_the_event_loop_is_in(caplog: pytest.LogCaptureFixture) -> None:
    watch = LoopWatch(stall_seconds=0.1)
    with caplog.at_level(logging.WARNING, "fabro.server"), watch.watching():
        await stand_still(caplog.records)
        while len(caplog.records) == 1:
            watch.beat()
            await asyncio.sleep(0.01)
    stands, goes_on = [record.getMessage() for record in caplog.records]
    assert "it is in stand_still (test_hung_disk.py:" in stands
    assert goes_on == "the event loop goes on"
