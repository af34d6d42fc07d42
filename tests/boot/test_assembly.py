"""What a start hands on, and how it is opened and closed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fabro_core.auth.base import AuthMethod
from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.config.model import TcpListen
from fabro_core.context import Link, PluginContext, Problem
from fabro_core.errors import StartupError, StoreMisconfigured
from fabro_core.hooks import hookimpl
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.store.memory import MemoryData, MemoryRunStore

pytestmark = pytest.mark.anyio


class Recording(AuthMethod):
    """Notes when it is opened and closed."""

    def __init__(self, events: list[str], problems: Sequence[Problem] = ()) -> None:
        self._events = events
        self._problems = problems

    async def check(self) -> Sequence[Problem]:
        return self._problems

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        self._events.append(f"open {self.name}")
        yield
        self._events.append(f"close {self.name}")
        if self.name == "b":
            raise RuntimeError("cannot let go")


def method_plugin(name: str, method: AuthMethod, **hooks: Any) -> InlinePlugin:
    @hookimpl
    def fabro_auth_method() -> AuthMethod:
        return method

    target = SimpleNamespace(FABRO_PLUGIN_API=1, fabro_auth_method=fabro_auth_method, **hooks)
    return InlinePlugin(group=Group.AUTH, name=name, target=target)


def document(*methods: str, **tables: object) -> dict[str, object]:
    return {"server": {"auth": {"methods": methods}, "store": {"kind": "memory"}, **tables}}


async def test_methods_keep_the_order_of_the_settings_and_get_their_names(assembled: Any) -> None:
    plugins = [method_plugin(name, Recording([])) for name in ("a", "b", "c")]

    assembly = assembled(document("c", "a", "b"), *plugins)

    assert [method.name for method in assembly.methods] == ["c", "a", "b"]


async def test_closing_goes_on_when_one_method_fails_to_close(assembled: Any, caplog: pytest.LogCaptureFixture) -> None:
    events: list[str] = []
    plugins = [method_plugin(name, Recording(events)) for name in ("a", "b", "c")]

    async with assembled(document("a", "b", "c"), *plugins).opened():
        opened = list(events)

    assert opened == ["open a", "open b", "open c"]
    assert events[3:] == ["close c", "close b", "close a"]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == ["closing b failed"]


async def test_the_problems_of_all_methods_arrive_together(assembled: Any) -> None:
    plugins = [
        method_plugin(name, Recording([], [Problem(path=f"server.auth.{name}.key", message="wrong")])) for name in "ab"
    ]

    with pytest.raises(StartupError) as failed:
        async with assembled(document("b", "a"), *plugins).opened():
            pass

    assert [problem.path for problem in failed.value.problems] == ["server.auth.a.key", "server.auth.b.key"]


async def test_a_store_that_finds_a_fault_of_configuration_stops_the_start(assembled: Any) -> None:
    class Misconfigured(MemoryRunStore):
        @asynccontextmanager
        async def lifespan(self) -> AsyncIterator[None]:
            async with super().lifespan():
                self.refuse()
                yield

        def refuse(self) -> None:
            raise StoreMisconfigured("the schema is too new; upgrade acme-store")

    @hookimpl
    def fabro_run_store() -> MemoryRunStore:
        return Misconfigured(MemoryData())

    target = SimpleNamespace(FABRO_PLUGIN_API=1, fabro_run_store=fabro_run_store)
    store = InlinePlugin(group=Group.STORE, name="acme", target=target)

    with pytest.raises(StartupError, match=r"^server\.store\.acme: the schema is too new; upgrade acme-store$"):
        async with assembled(document("dev-token", store={"kind": "acme"}), store).opened():
            pass


async def test_the_storage_root_is_created_private(assembled: Any, tmp_path: Path) -> None:
    root = tmp_path / "new" / "storage"

    async with assembled(document("dev-token", storage={"root": str(root)})).opened():
        pass

    assert [path.stat().st_mode & 0o777 for path in (root, root.parent)] == [0o700, 0o700]


async def test_a_storage_root_that_cannot_be_created_is_a_problem(assembled: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StartupError, match=r"^server\.storage\.root: cannot create .*/file: File exists$"):
        async with assembled(document("dev-token", storage={"root": str(tmp_path / "file" / "x")})).opened():
            pass


async def test_a_plugin_sees_its_context_and_no_more(assembled: Any, tmp_path: Path) -> None:
    seen: list[PluginContext] = []

    @hookimpl
    def fabro_discovery_links(ctx: PluginContext) -> list[Link]:
        seen.append(ctx)
        return [Link(rel="report", href="/ext/a/report")]

    plugin = method_plugin("a", Recording([]), fabro_discovery_links=fabro_discovery_links)

    assembly = assembled(document("a", web={"url": "https://fabro.example/x/"}), plugin)

    assert assembly.parts.links == {"a.report": "/ext/a/report"}
    (ctx,) = seen
    assert (ctx.name, ctx.settings, ctx.logger.name) == ("a", None, "fabro.plugins.a")
    assert ctx.server.public_url == "https://fabro.example/x"
    assert ctx.storage_root == str(tmp_path / "home" / "storage")


@pytest.mark.parametrize("href", ["", "report", "//evil.example", "javascript:x", "http://"])
async def test_a_link_that_leads_nowhere_is_a_problem(faults: Any, href: str) -> None:
    @hookimpl
    def fabro_discovery_links() -> list[Link]:
        return [Link(rel="report", href=href)]

    (line,) = faults(document("a"), method_plugin("a", Recording([]), fabro_discovery_links=fabro_discovery_links))

    assert line.startswith('a (handed over in memory): the link "report" needs')


async def test_a_link_given_twice_is_a_problem(faults: Any) -> None:
    @hookimpl
    def fabro_discovery_links() -> list[Link]:
        return [Link(rel="x", href="/1"), Link(rel="x", href="/2")]

    lines = faults(document("a"), method_plugin("a", Recording([]), fabro_discovery_links=fabro_discovery_links))

    assert lines == ["a (handed over in memory): the link a.x is there already"]


async def test_a_port_is_reserved_before_plugins_learn_the_public_url(environ: dict[str, str]) -> None:
    tables = {"listen": {"type": "tcp", "address": "127.0.0.1:0"}}

    assembly = assemble(
        SettingsReader(environ=environ).read(document("dev-token", **tables)),
        reserve=lambda listen: TcpListen(address=f"{listen.host}:4711"),
    )

    assert assembly.server.public_url == "http://localhost:4711"
    assert assembly.settings.server.listen == TcpListen(address="127.0.0.1:4711")


async def test_no_port_is_reserved_for_a_start_that_fails(environ: dict[str, str]) -> None:
    tables = {"listen": {"type": "tcp", "address": "127.0.0.1:0"}}
    reserved: list[TcpListen] = []

    def reserve(listen: TcpListen) -> TcpListen:
        reserved.append(listen)
        return listen

    with pytest.raises(StartupError):
        assemble(SettingsReader(environ=environ).read(document("dev-tokn", **tables)), reserve=reserve)

    assert reserved == []


async def test_two_assemblies_share_nothing(environ: dict[str, str]) -> None:
    one, other = (assemble(SettingsReader(environ=environ).read(document("dev-token"))) for _ in range(2))

    assert one.store is not other.store
    assert one.methods[0] is not other.methods[0]
