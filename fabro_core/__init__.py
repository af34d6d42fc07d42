"""Fabro Server: a plugin-based ASGI server for the Fabro API.

The names below are for programs that embed the server, and for plugins of every kind. What a kind needs beside them is
in `fabro_core.store`, `fabro_core.auth`, `fabro_core.sessions`, `fabro_core.settings` and `fabro_core.testing`, what
makes manifests in `fabro_core.client`. These seven modules are the public surface: `PLUGIN_API` counts its changes.
Everything else may move in any release.

`import fabro_core` loads nothing; each name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabro_core.lazy import lazy

if TYPE_CHECKING:
    from fabro_core.app import FabroApp, create_app
    from fabro_core.automation.base import ManifestRequest, ManifestSource
    from fabro_core.clock import Clock, SystemClock, epoch_ms
    from fabro_core.context import Link, PluginContext, Problem, ServerInfo
    from fabro_core.embedding.litestar_plugin import FabroPlugin
    from fabro_core.errors import (
        CodeHostFailed,
        Conflict,
        FabroError,
        InvalidRequest,
        NoManifest,
        NotFound,
        Refusal,
        StartupError,
    )
    from fabro_core.hooks import PLUGIN_API, hookimpl
    from fabro_core.http.extensions import caller_of
    from fabro_core.plugins.kinds import Group
    from fabro_core.plugins.sources import InlinePlugin
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "fabro_core.app": ("FabroApp", "create_app"),
            "fabro_core.automation.base": ("ManifestRequest", "ManifestSource"),
            "fabro_core.clock": ("Clock", "SystemClock", "epoch_ms"),
            "fabro_core.context": ("Link", "PluginContext", "Problem", "ServerInfo"),
            "fabro_core.embedding.litestar_plugin": ("FabroPlugin",),
            "fabro_core.errors": (
                "CodeHostFailed",
                "Conflict",
                "FabroError",
                "InvalidRequest",
                "NoManifest",
                "NotFound",
                "Refusal",
                "StartupError",
            ),
            "fabro_core.hooks": ("PLUGIN_API", "hookimpl"),
            "fabro_core.http.extensions": ("caller_of",),
            "fabro_core.plugins.kinds": ("Group",),
            "fabro_core.plugins.sources": ("InlinePlugin",),
        },
    )

__all__ = [
    "PLUGIN_API",
    "Clock",
    "CodeHostFailed",
    "Conflict",
    "FabroApp",
    "FabroError",
    "FabroPlugin",
    "Group",
    "InlinePlugin",
    "InvalidRequest",
    "Link",
    "ManifestRequest",
    "ManifestSource",
    "NoManifest",
    "NotFound",
    "PluginContext",
    "Problem",
    "Refusal",
    "ServerInfo",
    "StartupError",
    "SystemClock",
    "__version__",
    "caller_of",
    "create_app",
    "epoch_ms",
    "hookimpl",
]

__version__ = "1.0.0"
"""Of this distribution and of the plugins that are released with it."""
