"""The SQLite store as a plugin: what its hooks and settings make of a context."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import pytest

import fabro_store_sqlite
from fabro_core.context import PluginContext, ServerInfo
from fabro_core.hooks import PLUGIN_API
from fabro_core.testing import ManualClock
from fabro_core.testing.store import opened
from fabro_store_sqlite import SqliteSettings

pytestmark = pytest.mark.anyio


def context(tmp_path: Path, **settings: object) -> PluginContext:
    return PluginContext(
        name="sqlite",
        settings=msgspec.convert(settings, fabro_store_sqlite.fabro_settings()),
        server=ServerInfo(version="1.0.0", public_url="http://127.0.0.1:1", web_enabled=True, plugin_api=PLUGIN_API),
        logger=logging.getLogger("fabro.plugins.sqlite"),
        clock=ManualClock(),
        storage_root=str(tmp_path),
    )


def test_the_plugin_states_the_interface_it_was_written_for() -> None:
    assert fabro_store_sqlite.FABRO_PLUGIN_API == PLUGIN_API


@pytest.mark.parametrize(
    ("settings", "file"),
    [({}, "fabro.db"), ({"path": "other.db"}, "other.db"), ({"path": "below/runs.db"}, "below/runs.db")],
)
async def test_the_file_is_below_the_storage_root(tmp_path: Path, settings: dict[str, object], file: str) -> None:
    (tmp_path / "below").mkdir()
    async with opened(fabro_store_sqlite.fabro_run_store(context(tmp_path, **settings))) as store:
        assert (tmp_path / file).is_file()
        assert store.info().name == "sqlite"


async def test_an_absolute_path_stays_as_it_is(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    path = elsewhere / "runs.db"
    async with opened(fabro_store_sqlite.fabro_run_store(context(root, path=str(path)))):
        assert path.is_file()
    assert list(root.iterdir()) == []


def test_building_the_store_does_no_io(tmp_path: Path) -> None:
    fabro_store_sqlite.fabro_run_store(context(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"busy_timeout_ms": -1}, {"busy_timeout_ms": "5s"}, {"pth": "x"}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, SqliteSettings)
