"""The run store `sqlite`: everything in one SQLite file, durable, and shared by the processes of one machine."""

from __future__ import annotations

from pathlib import Path

from fabro_core import PluginContext, hookimpl
from fabro_core.store import RunStore
from fabro_store_sqlite.settings import SqliteSettings
from fabro_store_sqlite.store import SqliteRunStore

__all__ = ["FABRO_PLUGIN_API", "SqliteRunStore", "SqliteSettings"]

FABRO_PLUGIN_API = 1

DEFAULT_FILE = "fabro.db"


@hookimpl
def fabro_settings() -> type[SqliteSettings]:
    return SqliteSettings


@hookimpl
def fabro_run_store(ctx: PluginContext) -> RunStore:
    settings: SqliteSettings = ctx.settings
    path = Path(ctx.storage_root) / (settings.path or DEFAULT_FILE)
    return SqliteRunStore(path, name=ctx.name, busy_timeout_ms=settings.busy_timeout_ms, logger=ctx.logger)
