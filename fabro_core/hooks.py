"""What marks a function as a hook, and for which plugin API it was written. What hooks there are is in
`fabro_core.plugins.hookspecs`."""

from __future__ import annotations

from typing import Final

import pluggy

PLUGIN_API: Final = 1
"""Version of everything a plugin may import: a plugin states the one it was written for in `FABRO_PLUGIN_API`."""

PROJECT: Final = "fabro"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook of that name."""
