"""The run store `postgres`: everything in one schema of a PostgreSQL database, shared by server processes on several
machines."""

from __future__ import annotations

from fabro_core import PluginContext, hookimpl
from fabro_core.store import RunStore
from fabro_store_postgres.settings import PostgresSettings
from fabro_store_postgres.store import PostgresRunStore

__all__ = ["FABRO_PLUGIN_API", "PostgresRunStore", "PostgresSettings"]

FABRO_PLUGIN_API = 1


@hookimpl
def fabro_settings() -> type[PostgresSettings]:
    return PostgresSettings


@hookimpl
def fabro_run_store(ctx: PluginContext) -> RunStore:
    return PostgresRunStore(ctx.settings, name=ctx.name, logger=ctx.logger)
