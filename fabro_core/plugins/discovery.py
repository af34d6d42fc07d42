"""Which plugins are there, read from the metadata of installed distributions: nothing is imported (server.md S18)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points

from fabro_core.plugins.kinds import KINDS, Kinds
from fabro_core.plugins.sources import InlinePlugin, InstalledPlugin, Plugin


def installed_plugins(kinds: Kinds = KINDS) -> tuple[InstalledPlugin, ...]:
    """Every entry point of the groups of plugins, by group, name and distribution.

    A distribution that `sys.path` offers twice counts once, as its first occurrence is the one Python imports.
    """
    everything = entry_points()  # once: it reads the metadata of every distribution
    found = [
        InstalledPlugin(
            group=kind.group,
            name=entry_point.name,
            distribution=entry_point.dist.name if entry_point.dist else "unknown distribution",
            version=entry_point.dist.version if entry_point.dist else "",
            entry_point=entry_point,
        )
        for kind in kinds
        for entry_point in everything.select(group=kind.group)
    ]
    return tuple(sorted(found, key=lambda plugin: (plugin.group, plugin.name, plugin.distribution)))


class PluginIndex:
    """The plugins that settings can select."""

    def __init__(self, installed: Sequence[InstalledPlugin], inline: Sequence[InlinePlugin] = ()) -> None:
        self._installed = tuple(installed)
        self._inline = tuple(inline)

    def candidates(self, group: str, name: str) -> tuple[Plugin, ...]:
        """The plugins of that name; more than one is a conflict, none means it is not installed."""
        inline = tuple(plugin for plugin in self._inline if (plugin.group, plugin.name) == (group, name))
        return inline or tuple(plugin for plugin in self._installed if (plugin.group, plugin.name) == (group, name))

    def names(self, group: str) -> tuple[str, ...]:
        """The names of a group that can be selected, sorted."""
        plugins: tuple[Plugin, ...] = (*self._inline, *self._installed)
        return tuple(sorted({plugin.name for plugin in plugins if plugin.group == group}))
