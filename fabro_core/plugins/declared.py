"""The settings tables that installed plugins declare, whether or not they are selected.

Imports every installed plugin, so it is for introspection alone: a start imports the selected ones only.
"""

from __future__ import annotations

from fabro_core.config.schema import PluginTable
from fabro_core.context import Problem
from fabro_core.plugins.discovery import PluginIndex, installed_plugins
from fabro_core.plugins.host import PluginHost
from fabro_core.plugins.kinds import KINDS, Kinds
from fabro_core.plugins.selection import contested


def declared_tables(problems: list[Problem], kinds: Kinds = KINDS) -> list[PluginTable]:
    """One for each installed plugin; a plugin that cannot be loaded is a problem, and its table unknown."""
    index = PluginIndex(installed_plugins(kinds))
    host = PluginHost(kinds=kinds)
    tables: list[PluginTable] = []
    for kind in kinds:
        for name in index.names(kind.group):
            candidates = index.candidates(kind.group, name)
            origin = " or ".join(candidate.origin for candidate in candidates)
            if len(candidates) > 1:
                problems.append(contested(name, candidates))
            loaded = host.load(candidates[0], problems) if len(candidates) == 1 else None
            struct = loaded.settings_type(problems) if loaded is not None else None
            tables.append(PluginTable(section=kind.section, name=name, origin=origin, struct=struct))
    return tables
