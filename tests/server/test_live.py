"""Settings that change while the server runs (server.md S17)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fabro_core.boot import Assembly, assemble
from fabro_core.server.live import LiveSettings

pytestmark = pytest.mark.anyio


class Following:
    """A settings file that is followed, and what came of it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "settings.toml"
        self._environ = {"FABRO_HOME": str(directory), "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64}
        self.write("")
        self.levels: asyncio.Queue[str] = asyncio.Queue()
        self.readings: asyncio.Queue[None] = asyncio.Queue()
        self.live = LiveSettings(self._read(), self._read_and_tell, {"server.logging.level": self._apply})
        self._loop = asyncio.get_running_loop()

    def write(self, tables: str) -> None:
        text = (
            '[server.auth]\nmethods = ["dev-token"]\n[server.store]\nkind = "memory"\n[server.web]\nenabled = false\n'
        )
        self.path.write_text(text + tables)
        os.utime(self.path, ns=(0, len(tables)))

    def _read(self) -> Assembly:
        return assemble(None, environ=self._environ)

    def _read_and_tell(self) -> Assembly:
        try:
            return self._read()
        finally:
            self._loop.call_soon_threadsafe(self.readings.put_nowait, None)

    def _apply(self, assembly: Assembly) -> None:
        self.levels.put_nowait(assembly.settings.server.logging.level)

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
