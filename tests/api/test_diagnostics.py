"""What works of a running server, told to who asks (resources.md X14, X16 row 21)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fabro_core import __version__
from fabro_core.auth.base import AuthMethod
from fabro_core.context import Problem
from fabro_core.secret import Secret
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.testing.clock import ManualClock
from fabro_core.upkeep import diagnostics
from fabro_core.upkeep.diagnostics import Diagnostics
from tests.api.brittle import DRIVER_TEXT, BrittleStore
from tests.api.brittle import plugin_of as store_plugin
from tests.api.cli_logins import plugin_of
from tests.api.conftest import SESSION_SECRET, Server, in_memory, serving
from tests.api.test_contract import check, check_error

pytestmark = pytest.mark.anyio

PATH = "/api/v1/health/diagnostics"


class Checked(AuthMethod):
    """Has nothing to say at the start; later it does what it is told to."""

    token_prefixes = ("checked_",)

    def __init__(self) -> None:
        self.problems: Sequence[Problem] = ()
        self.failure: Exception | None = None
        self.goes_on: asyncio.Event | asyncio.Barrier | None = None
        self.cancelled = False

    async def check(self) -> Sequence[Problem]:
        if self.failure is not None:
            raise self.failure
        if self.goes_on is not None:
            try:
                await self.goes_on.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        return self.problems


def checks(report: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(part["title"], each["name"]): each for part in report["sections"] for each in part["checks"]}


async def ask(server: Server) -> dict[tuple[str, str], dict[str, Any]]:
    answer = await server.client.post(PATH)
    assert answer.status_code == 200, answer.text
    check(answer, "runDiagnostics")
    for secret in (SESSION_SECRET, server.token):
        assert secret not in answer.text
    return checks(answer.json())


def with_methods(*names: str) -> dict[str, Any]:
    return {"server": {"auth": {"methods": ["dev-token", *names]}, "store": {"kind": "memory"}}}


async def test_all_is_well(server: Server, store_kind: str) -> None:
    found = await ask(server)
    assert {name: each["status"] for name, each in found.items()} == {
        ("Store", "ping"): "pass",
        ("Store", "write"): "pass",
        ("Session secret", "session secret"): "pass",
        ("Authentication", "dev-token"): "pass",
    }
    assert found["Store", "ping"]["summary"] == f"{store_kind} answers."
    assert (await server.client.post(PATH)).json()["version"] == __version__


async def test_it_is_for_authenticated_callers(server: Server) -> None:
    assert (await server.anonymous.post(PATH)).status_code == 401


async def test_a_missing_session_secret_is_a_warning(tmp_path: Path) -> None:
    settings = in_memory(web={"enabled": False})
    async with serving(settings, tmp_path, session_secret=None) as server:
        found = (await ask(server))["Session secret", "session secret"]
    assert found["status"] == "warning"
    assert "32 bytes" in found["remediation"]


async def test_a_session_secret_that_is_too_short_is_an_error() -> None:
    async def status(text: str) -> str:
        store = MemoryRunStore(MemoryData())
        _, section, _ = await Diagnostics(store, ManualClock(), session_secret=Secret(text), methods={}).run()
        return section.checks[0].status

    assert [await status(text) for text in ("x" * 31, "x" * 32, "\N{SNOWMAN}" * 11)] == ["error", "pass", "pass"]


@pytest.mark.parametrize(("call", "name"), [("ping", "ping"), ("put_doc", "write")])
async def test_a_store_that_fails_is_an_error_inside(tmp_path: Path, call: str, name: str) -> None:
    store = BrittleStore()
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "brittle"}}}
    async with serving(settings, tmp_path, store_plugin(store)) as server:
        store.failing = frozenset({call})
        answer = await server.client.post(PATH)
        store.failing = frozenset()
    check(answer, "runDiagnostics")
    assert DRIVER_TEXT not in answer.text
    found = {each: told["status"] for (title, each), told in checks(answer.json()).items() if title == "Store"}
    assert found == {"ping": "pass", "write": "pass"} | {name: "error"}


async def test_what_an_auth_method_finds_is_told(tmp_path: Path) -> None:
    method = Checked()
    async with serving(with_methods("sso"), tmp_path, plugin_of(method)) as server:
        method.problems = (Problem(path="server.auth.sso.key", message="expires soon; make a new one"),)
        found = (await ask(server))["Authentication", "sso"]
    assert found["status"] == "error"
    assert found["details"] == [{"text": "server.auth.sso.key: expires soon; make a new one", "warn": True}]


async def test_a_check_that_fails_says_its_cause_to_the_log_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    method = Checked()
    async with serving(with_methods("sso"), tmp_path, plugin_of(method)) as server:
        method.failure = RuntimeError("no key at /srv/keys")
        answer = await server.client.post(PATH)
    found = checks(answer.json())
    assert found["Authentication", "sso"]["status"] == "error"
    assert found["Authentication", "dev-token"]["status"] == "pass"
    assert "/srv/keys" not in answer.text
    assert "/srv/keys" in caplog.text


async def test_checks_run_at_the_same_time(tmp_path: Path) -> None:
    first, second = Checked(), Checked()
    second.token_prefixes = ("second_",)
    plugins = (plugin_of(first, "first"), plugin_of(second, "second"))
    async with serving(with_methods("first", "second"), tmp_path, *plugins) as server:
        first.goes_on = second.goes_on = asyncio.Barrier(2)
        assert {each["status"] for each in (await ask(server)).values()} == {"pass"}


async def test_a_check_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method = Checked()
    async with serving(with_methods("sso"), tmp_path, plugin_of(method)) as server:
        method.goes_on = asyncio.Event()
        monkeypatch.setattr(diagnostics, "LIMIT_SECONDS", 0.05)
        answer = await server.client.post(PATH)
    check_error(answer, 504)
    assert answer.json()["errors"][0]["code"] == "diagnostics_timeout"
    assert method.cancelled
