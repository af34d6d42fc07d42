"""`fabro store copy` as an operator sees it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess

import pytest

from benchmarks.seed import seed
from fabro_core.testing.store.case import list_all
from fabro_store_sqlite import SqliteRunStore
from tests.cli.terminal import FABRO, Home
from tests.plugins.store_redis.valkey import Valkey, open_redis
from tests.replicas import shared_valkey as shared_valkey  # a fixture

pytestmark = pytest.mark.anyio

RUNS = 600


@pytest.fixture
async def filled(home: Home, shared_valkey: Valkey, anyio_backend: str) -> str:
    """The prefix of the target; the home's own database has runs."""
    prefix = home.path.parent.name
    home.run("init")
    redis = f"[server.store.redis]\nurl = {json.dumps(shared_valkey.url)}\nprefix = {json.dumps(prefix)}\n"
    (home.path / "settings.toml").write_text(f'[server.auth]\nmethods = ["dev-token"]\n{redis}')
    storage = home.path / "storage"
    storage.mkdir(mode=0o700)
    await seed(SqliteRunStore(storage / "fabro.db"), RUNS)
    return prefix


async def test_a_copy_that_was_killed_goes_on_where_it_was(home: Home, filled: str, shared_valkey: Valkey) -> None:
    command = [*FABRO, "store", "copy", "sqlite", "redis"]
    async with open_redis(shared_valkey.url, filled) as target:
        process = await asyncio.create_subprocess_exec(*command, env=home.environ, stderr=subprocess.DEVNULL)
        while (await list_all(target)).total == 0:
            assert process.returncode is None
        process.kill()
        await process.wait()
        begun = (await list_all(target)).total
    assert 0 < begun < RUNS

    copied = home.run("store", "copy", "sqlite", "redis")
    assert (copied.returncode, copied.stdout) == (0, f"copied: {RUNS} runs, 0 blobs, 0 documents\n")
    assert "redis is provisional, and no server starts on it." in copied.stderr

    settings = home.path / "settings.toml"
    text = settings.read_text()
    settings.write_text(text + '[server.store]\nkind = "redis"\n')
    refused = home.run("server", "start", "--bind", "127.0.0.1:0")
    assert refused.returncode == 78
    assert "redis holds an unfinished copy; finish it with: fabro store copy sqlite redis --final" in refused.stderr
    settings.write_text(text)

    done = home.run("store", "copy", "sqlite", "redis", "--final")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        rf"verified: {RUNS} runs with 1,200 events, 0 blobs, 0 documents; digest [0-9a-f]{{64}}\n", done.stdout
    )
    assert "redis is ready" in done.stderr
    fenced = home.run("check")
    assert fenced.returncode == 78
    assert "sqlite is fenced, as what it holds moves to redis" in fenced.stderr

    settings.write_text(text + '[server.store]\nkind = "redis"\n')
    assert home.run("check").returncode == 0
    again = home.run("store", "copy", "sqlite", "redis")
    assert (again.returncode, again.stderr.splitlines()[-1]) == (1, "The store redis is not empty; nothing was copied.")


def test_a_fence_is_lifted_by_a_command(home: Home, filled: str) -> None:
    assert home.run("store", "copy", "sqlite", "redis", "--final").returncode == 0
    lifted = home.run("store", "unfence", "sqlite")
    told = "sqlite takes writes again. What was written to redis since the move is not in it.\n"
    assert (lifted.returncode, lifted.stderr) == (0, told)
    assert home.run("check").returncode == 0
    again = home.run("store", "unfence", "sqlite")
    assert (again.returncode, again.stderr) == (0, "sqlite is not fenced.\n")


@pytest.mark.parametrize(
    ("names", "code", "told"),
    [
        (("sqlite", "sqlite"), 2, "FROM and TO are the same store"),
        (("sqlite", "memory"), 78, "memory is gone with its process"),
        (("sqlite", "oracle"), 78, 'no installed plugin provides "oracle"'),
    ],
    ids=["same", "memory", "unknown"],
)
def test_stores_that_cannot_be_copied_are_refused(ready: Home, names: tuple[str, str], code: int, told: str) -> None:
    done = ready.run("store", "copy", *names)
    assert done.returncode == code
    assert told in done.stderr


def test_check_names_the_engine_and_how_it_keeps_data(home: Home, filled: str) -> None:
    done = home.run("check")
    assert (done.returncode, done.stdout) == (0, "ok\n")
    assert "store sqlite: SQLite 3" in done.stderr

    with (home.path / "settings.toml").open("a") as settings:
        settings.write('[server.store]\nkind = "redis"\n')
    done = home.run("check")
    assert (done.returncode, done.stdout) == (0, "ok\n")
    told = "appendonly yes, appendfsync always; maxmemory-policy noeviction; 0 replicas"
    assert re.search(rf"^store redis: Valkey [\d.]+; {told}$", done.stderr, re.MULTILINE)
