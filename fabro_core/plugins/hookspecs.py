"""The hookspecs: pluggy is used only at start-up, synchronously, to obtain objects.

A plugin is a module (or object) with `FABRO_PLUGIN_API = 1` and functions marked `@hookimpl`. A function may leave
out arguments that it does not need. Hooks are called one plugin at a time, in the order the settings give.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from fabro_core.auth.base import AuthMethod
from fabro_core.automation.base import ManifestSource
from fabro_core.context import Link, PluginContext
from fabro_core.hooks import hookspec
from fabro_core.sessions.base import SessionResponder
from fabro_core.store.base import RunStore

if TYPE_CHECKING:
    from litestar.config.app import AppConfig


@hookspec
def fabro_settings() -> type[msgspec.Struct]:  # type: ignore[empty-body]
    """The Struct of the plugin's settings table; frozen, with `forbid_unknown_fields=True`. Optional."""


@hookspec
def fabro_auth_method(ctx: PluginContext) -> AuthMethod:  # type: ignore[empty-body]
    """The auth method. Required in the group `fabro.auth`."""


@hookspec
def fabro_run_store(ctx: PluginContext) -> RunStore:  # type: ignore[empty-body]
    """The run store. Required in the group `fabro.store`; exactly one is active."""


@hookspec
def fabro_session_responder(ctx: PluginContext) -> SessionResponder:  # type: ignore[empty-body]
    """What replies in sessions about runs. Optional in the group `fabro.ext`; one extension of a server may have it."""


@hookspec
def fabro_manifest_source(ctx: PluginContext) -> ManifestSource:  # type: ignore[empty-body]
    """What knows the workflows of repositories, for automations. Optional in the group `fabro.ext`; one extension of a
    server may have it."""


@hookspec
def fabro_discovery_links(ctx: PluginContext) -> Iterable[Link]:  # type: ignore[empty-body]
    """Links that `GET /` lists as `<plugin>.<rel>` (server.md S6). Optional."""


@hookspec
def fabro_app_init(ctx: PluginContext, app: AppConfig) -> None:
    """Add route handlers below `/ext/<name>/` to the Litestar configuration. Optional; group `fabro.ext`."""
