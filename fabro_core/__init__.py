"""Fabro Server: a plugin-based ASGI server for the Fabro API.

The names below are what programs and plugins import from here. They are loaded when they are first used, so that
`import fabro_core` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fabro_core.app import FabroApp, create_app
    from fabro_core.embedding.litestar_plugin import FabroPlugin
    from fabro_core.hooks import PLUGIN_API, hookimpl
    from fabro_core.plugins.sources import InlinePlugin

__all__ = ["PLUGIN_API", "FabroApp", "FabroPlugin", "InlinePlugin", "__version__", "create_app", "hookimpl"]

__version__ = "1.0.0"

_HOMES = {
    "FabroApp": "fabro_core.app",
    "FabroPlugin": "fabro_core.embedding.litestar_plugin",
    "InlinePlugin": "fabro_core.plugins.sources",
    "PLUGIN_API": "fabro_core.hooks",
    "create_app": "fabro_core.app",
    "hookimpl": "fabro_core.hooks",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
