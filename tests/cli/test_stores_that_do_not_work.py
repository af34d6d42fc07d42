"""A store of somebody else that does not work: what `fabro check` and a start say of it (server.md S18, S27)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.distributions import distribute
from tests.cli.terminal import Home

pytestmark = pytest.mark.slow

DSN = "postgres://fabro:hunter2@db7.internal/fabro"

MODULE = f"""
from contextlib import asynccontextmanager
from os import environ

from fabro_core import hookimpl
from fabro_core.store import RunStore, StoreMisconfigured, StoreUnavailable
from fabro_core.store.memory import MemoryData, MemoryRunStore

FABRO_PLUGIN_API = 1
REFUSED = ConnectionRefusedError(111, "{DSN}")


class AcmeStore(MemoryRunStore):
    def __init__(self):
        super().__init__(MemoryData())

    @asynccontextmanager
    async def lifespan(self):
        fails("open")
        async with super().lifespan():
            yield

    async def ping(self):
        fails("ping")

    async def put_doc(self, write, /):
        fails("write")
        return await super().put_doc(write)


def fails(step):
    match environ["FAILS"].split():
        case [at, "says"] if at == step:
            raise StoreUnavailable("The engine is away.") from REFUSED
        case [at, "mute"] if at == step:
            raise StoreUnavailable from REFUSED
        case [at, "raw"] if at == step:
            raise REFUSED
        case [at, "settings"] if at == step:
            raise StoreMisconfigured("The engine is too old; upgrade it.") from REFUSED


@hookimpl
def fabro_run_store() -> RunStore:
    return AcmeStore()
"""

CAUSE = r" Cause: ConnectionRefusedError ECONNREFUSED\."
WORDS = {
    "says": rf"the store is unavailable: The engine is away\.{CAUSE}",
    "mute": rf"the store is unavailable: It does not say why\.{CAUSE}",
    "raw": rf"the store is unavailable: It breaks its promise [^\n]+: acme_store\.py:\d+ in fails, [^\n]+\.{CAUSE}",
}
"""How the line begins, by the manner in which the store fails."""


@pytest.fixture
def acme(home: Home, tmp_path: Path) -> Home:
    """A home whose settings select a store that fails as `FAILS` says."""
    site = tmp_path / "site"
    distribute(site, "acme-fabro-store", "fabro.store", "acme", "acme_store")
    (site / "acme_store.py").write_text(MODULE)
    home.environ["PYTHONPATH"] = str(site)
    home.run("init")
    (home.path / "settings.toml").write_text(
        '[server.auth]\nmethods = ["dev-token"]\n[server.store]\nkind = "acme"\n[server.web]\nenabled = false\n'
    )
    return home


@pytest.mark.parametrize("step", ["open", "ping", "write"])
@pytest.mark.parametrize("manner", WORDS)
def test_check_tells_why(acme: Home, step: str, manner: str) -> None:
    done = acme.run("check", FAILS=f"{step} {manner}")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(WORDS[manner], done.stderr.rstrip("\n"))
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("manner", WORDS)
@pytest.mark.parametrize("arguments", [(), ("--foreground",)], ids=["background", "foreground"])
def test_a_start_tells_why(acme: Home, arguments: tuple[str, ...], manner: str) -> None:
    done = acme.run("server", "start", "--bind", "127.0.0.1:0", *arguments, FAILS=f"open {manner}")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(WORDS[manner], done.stderr.rstrip("\n"))
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("manner", WORDS)
def test_the_log_of_a_server_that_runs_tells_why(acme: Home, manner: str) -> None:
    acme.environ["FAILS"] = f"ping {manner}"
    acme.run("server", "start", "--bind", "127.0.0.1:0")
    acme.run("server", "stop")
    logged = (acme.path / "storage" / "logs" / "server.log").read_text()
    assert re.search(WORDS[manner], logged)
    assert "hunter2" not in logged


def test_what_only_an_operator_can_mend_is_a_line_of_the_report(acme: Home) -> None:
    done = acme.run("check", FAILS="open settings")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines() == [
        "fabro: cannot start, 1 problem",
        "  server.store.acme: The engine is too old; upgrade it. Cause: ConnectionRefusedError ECONNREFUSED.",
    ]
