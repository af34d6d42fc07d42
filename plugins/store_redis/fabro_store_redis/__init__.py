"""The run store `redis`: everything in one Redis or Valkey server, shared by server processes on several machines."""

from __future__ import annotations

from fabro_core import PluginContext, hookimpl
from fabro_core.store import RunStore
from fabro_store_redis.settings import RedisSettings
from fabro_store_redis.store import RedisRunStore

__all__ = ["FABRO_PLUGIN_API", "RedisRunStore", "RedisSettings"]

FABRO_PLUGIN_API = 1


@hookimpl
def fabro_settings() -> type[RedisSettings]:
    return RedisSettings


@hookimpl
def fabro_run_store(ctx: PluginContext) -> RunStore:
    return RedisRunStore(ctx.settings, name=ctx.name, logger=ctx.logger)
