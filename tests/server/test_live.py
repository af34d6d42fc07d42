"""Settings that change while the server runs (server.md S17)."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Final

import msgspec
import pytest

from fabro_core.auth.base import AuthMethod, Identity
from fabro_core.boot.assembly import assemble
from fabro_core.boot.live import LiveSettings, live_plugin_settings
from fabro_core.boot.reading import Reading, SettingsReader
from fabro_core.config.live_fields import LIVE_ALLOW_LIST, live_fields
from fabro_core.config.load import Overrides
from fabro_core.config.model import Limits
from fabro_core.config.tables import join
from fabro_core.context import PluginContext
from fabro_core.errors import StartupError
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.server.process import Process

pytestmark = pytest.mark.anyio


class DoorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    allowed: Annotated[tuple[str, ...], LIVE_ALLOW_LIST]
    colour: str = "green"


class Door(AuthMethod):
    """Lets in whom the settings name at that moment."""

    def __init__(self, ctx: PluginContext) -> None:
        self._settings = ctx.live_settings

    async def permits(self, identity: Identity, /) -> bool:
        return identity.login in self._settings().allowed

    @property
    def colour(self) -> str:
        colour: str = self._settings().colour
        return colour


@hookimpl
def fabro_settings() -> type[DoorSettings]:
    return DoorSettings


@hookimpl
def fabro_auth_method(ctx: PluginContext) -> AuthMethod:
    return Door(ctx)


DOOR: Final = InlinePlugin(
    group=Group.AUTH,
    name="door",
    target=SimpleNamespace(
        FABRO_PLUGIN_API=PLUGIN_API, fabro_settings=fabro_settings, fabro_auth_method=fabro_auth_method
    ),
)


def door_table(allowed: str, **others: str) -> str:
    keys = {"allowed": allowed, **others}
    return "[server.auth.door]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


class Following:
    """A settings file that is followed, and what came of it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "settings.toml"
        environ = {"FABRO_HOME": str(directory), "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64}
        self._reader = SettingsReader([DOOR], environ=environ)
        self.write(door_table('["ann"]'))
        self.levels: asyncio.Queue[str] = asyncio.Queue()
        self.readings: asyncio.Queue[None] = asyncio.Queue()
        started = assemble(self._reader.read())
        (door,) = (method for method in started.methods if isinstance(method, Door))
        self.door = door
        live = {"server.logging.level": self._apply, **live_plugin_settings(started.parts.settings)}
        self.live = LiveSettings(started.reading, self._read_and_tell, live)
        self._loop = asyncio.get_running_loop()

    def write(self, tables: str, methods: Sequence[str] = ("dev-token", "door")) -> None:
        text = f"[server.auth]\nmethods = {json.dumps(list(methods))}\n"
        text += '[server.store]\nkind = "memory"\n[server.web]\nenabled = false\n'
        if "door" in methods and "[server.auth.door]" not in tables:
            tables += door_table('["ann"]')
        self.path.write_text(text + tables)
        os.utime(self.path, ns=(0, len(tables)))

    def _read_and_tell(self) -> Reading:
        try:
            return self._reader.read_valid()
        finally:
            self._loop.call_soon_threadsafe(self.readings.put_nowait, None)

    def _apply(self, level: str) -> None:
        self.levels.put_nowait(level)

    async def read_again(self) -> None:
        """Ask for a reading and wait until it has had its effect."""
        self.live.ask()
        await self.readings.get()
        self.live.ask()  # a second reading begins only when the first is done
        await self.readings.get()


@pytest.fixture
async def following(tmp_path: Path) -> AsyncIterator[Following]:
    following = Following(tmp_path)
    task = asyncio.create_task(following.live.follow())
    yield following
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_live_key_takes_effect(following: Following) -> None:
    following.write('[server.logging]\nlevel = "error"\n')

    following.live.ask()

    async with asyncio.timeout(30):
        assert await following.levels.get() == "error"


async def test_a_changed_file_is_noticed_without_being_asked(following: Following) -> None:
    following.write('[server.logging]\nlevel = "debug"\n')

    async with asyncio.timeout(30):
        assert await following.levels.get() == "debug"


async def test_another_key_is_named_once_and_waits(following: Following, caplog: pytest.LogCaptureFixture) -> None:
    following.write("[server.limits]\nsse_max_seconds = 60\n")

    await following.read_again()
    await following.read_again()

    assert [record.getMessage() for record in caplog.records if record.name == "fabro.settings"] == [
        "server.limits.sse_max_seconds has changed; it takes effect after a restart"
    ]


async def test_a_broken_file_changes_nothing(following: Following, caplog: pytest.LogCaptureFixture) -> None:
    following.write('[server.logging]\nlevel = "error"\nlvel = 1\n')

    await following.read_again()

    assert following.levels.empty()
    warnings = {record.getMessage() for record in caplog.records if record.levelno == logging.WARNING}
    assert warnings == {'the settings stay as they were: server.logging.lvel: unknown key, did you mean "level"?'}


async def test_a_missing_file_changes_nothing(following: Following, caplog: pytest.LogCaptureFixture) -> None:
    following.path.unlink()

    await following.read_again()

    assert following.levels.empty()
    assert "no such file" in caplog.text


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_text("x=" + "[" * 100_000), "not valid TOML: nested too deeply"),
        (lambda path: path.write_text("#" * 2_000_000), "cannot be read: it is larger than 1048576 bytes"),
        (lambda path: path.symlink_to("/dev/zero"), "cannot be read: it is larger than 1048576 bytes"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
        (lambda path: os.mkfifo(path), "server.auth.methods: required"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
    ],
    ids=["nested", "large", "endless", "loop", "pipe", "directory"],
)
async def test_after_a_file_that_nobody_can_read_the_next_one_is_followed(
    following: Following, caplog: pytest.LogCaptureFixture, make: Callable[[Path], object], told: str
) -> None:
    following.path.unlink()
    make(following.path)
    await following.read_again()
    assert any(f": {told}" in record.getMessage() for record in caplog.records if record.name == "fabro.settings")

    following.path.rename(following.path.with_name("before"))
    following.write('[server.logging]\nlevel = "error"\n')
    following.live.ask()
    async with asyncio.timeout(30):
        assert await following.levels.get() == "error"


# -- what plugins declare live ------------------------------------------------------------------------------------


async def lets_in(following: Following, *logins: str) -> list[str]:
    identities = [Identity(issuer="door", subject=login, login=login) for login in logins]
    return [identity.login for identity in identities if await following.door.permits(identity)]


async def test_a_live_field_of_a_plugin_takes_effect(following: Following) -> None:
    following.write(door_table('["bob", "cem"]'))

    await following.read_again()

    assert await lets_in(following, "ann", "bob", "cem") == ["bob", "cem"]


async def test_a_field_of_a_plugin_that_is_not_live_waits_for_a_restart(
    following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    following.write(door_table('["bob"]', colour='"red"'))

    await following.read_again()

    assert (await lets_in(following, "ann", "bob"), following.door.colour) == (["bob"], "green")
    assert "server.auth.door.colour has changed; it takes effect after a restart" in caplog.messages


async def test_of_a_file_with_one_fault_no_live_field_takes_effect(following: Following) -> None:
    following.write(door_table('["bob"]') + '[server.logging]\nlevel = "error"\nlvel = 1\n')

    await following.read_again()

    assert following.levels.empty()
    assert await lets_in(following, "ann", "bob") == ["ann"]


async def test_an_emptied_list_lets_nobody_in_and_is_an_error_in_the_log(
    following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    following.write(door_table("[]"))

    await following.read_again()

    assert await lets_in(following, "ann", "bob") == []
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == ["server.auth.door.allowed is empty: nobody is permitted"]


async def test_a_list_that_is_not_there_any_more_changes_nothing(following: Following) -> None:
    following.write("[server.auth.door]\n")

    await following.read_again()

    assert await lets_in(following, "ann") == ["ann"]


async def test_a_plugin_that_is_not_selected_any_more_stays_until_a_restart(
    following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    following.write("", methods=["dev-token"])
    await following.read_again()

    assert await lets_in(following, "ann") == ["ann"]
    assert {line for line in caplog.messages if line.startswith("server.auth")} == {
        f"server.auth.{key} has changed; it takes effect after a restart"
        for key in ("methods", "door.allowed", "door.colour")
    }

    following.write(door_table('["bob"]'))
    await following.read_again()

    assert await lets_in(following, "ann", "bob") == ["bob"], "what it has is followed again"


def test_no_server_starts_with_an_empty_list(tmp_path: Path) -> None:
    settings = {
        "server": {"auth": {"methods": ["door"], "door": {"allowed": []}}, "store": {"kind": "memory"}, "nonsense": 1}
    }
    environ = {"FABRO_HOME": str(tmp_path), "SESSION_SECRET": "s" * 32}
    with pytest.raises(StartupError) as failed:
        assemble(SettingsReader([DOOR], environ=environ).read(settings))
    assert "server.auth.door.allowed: expected at least one entry, found an empty array" in str(failed.value)
    assert "server.nonsense" in str(failed.value), "together with every other problem"


def test_every_field_of_the_core_that_is_declared_live_has_an_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"FABRO_HOME": str(tmp_path), "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64}.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "settings.toml"
    path.write_text('[server.auth]\nmethods = ["dev-token"]\n[server.web]\nenabled = false\n')
    process = Process.prepare(SettingsReader(), path, Overrides())
    declared = {
        join(table, field.encode_name)
        for table, struct in process.assembly.reading.tables.items()
        for field in live_fields(type(struct))
    }
    assert process.serving.app.live.keys() == declared

    path.write_text(path.read_text() + "[server.limits]\nlogin_attempts_per_minute = 3\n")
    assert process.serving.app.read_again is not None
    limits = process.serving.app.read_again().tables["server.limits"]
    assert isinstance(limits, Limits)
    process.serving.app.live["server.limits.login_attempts_per_minute"](limits.login_attempts_per_minute)
    assert process.serving.app.auth.attempts.limit == 3
