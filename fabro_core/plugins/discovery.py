"""Which plugins are there, read from the metadata of installed distributions: nothing is imported (server.md S18)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from fabro_core.plugins.kinds import KINDS, Kinds
from fabro_core.plugins.sources import InlinePlugin, InstalledPlugin, Plugin


def installed_plugins(kinds: Kinds = KINDS) -> tuple[InstalledPlugin, ...]:
    """Every entry point of the groups of plugins, by group, name and distribution.

    A distribution that `sys.path` offers twice counts once, as its first occurrence is the one Python imports.
    """
    everything = entry_points()  # once: it reads the metadata of every distribution
    found = [_installed(each) for kind in kinds for each in everything.select(group=kind.group)]
    return tuple(sorted(found, key=lambda plugin: (plugin.group, plugin.name, plugin.distribution)))


def _installed(entry_point: EntryPoint) -> InstalledPlugin:
    metadata = entry_point.dist.metadata if entry_point.dist else None  # once: each access reads the file again
    return InstalledPlugin(
        group=entry_point.group,
        name=entry_point.name,
        distribution=metadata["Name"] if metadata else "unknown distribution",
        version=metadata["Version"] if metadata else "",
        entry_point=entry_point,
    )


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
