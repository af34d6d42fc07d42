"""From the names in the settings to plugins, with a way out for each name that leads to none (server.md S14, S18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fabro_core.config.tables import join, near_name
from fabro_core.context import Problem
from fabro_core.plugins.discovery import PluginIndex
from fabro_core.plugins.groups import Group
from fabro_core.plugins.sources import Plugin

FIRST_PARTY: Final[Mapping[tuple[Group, str], str]] = {
    (Group.AUTH, "dev-token"): "devtoken",
    (Group.AUTH, "github"): "github",
    (Group.STORE, "sqlite"): "sqlite",
    (Group.STORE, "redis"): "redis",
}
"""The extra of `fabro-core` that installs a plugin of this project."""


def select(index: PluginIndex, selected: Mapping[Group, Sequence[str]], problems: list[Problem]) -> list[Plugin]:
    """The selected plugins: the store first, then auth methods and extensions in the order of the settings.

    A name that leads to no plugin or to several is a problem, and left out.
    """
    plugins: list[Plugin] = []
    for group in (Group.STORE, Group.AUTH, Group.EXT):
        for name in selected[group]:
            match index.candidates(group, name):
                case (plugin,):
                    plugins.append(plugin)
                case ():
                    problems.append(Problem(path=group.names_key, message=not_installed(index, group, name)))
                case several:
                    problems.append(contested(name, several))
    return plugins


def not_installed(index: PluginIndex, group: Group, name: str) -> str:
    """Says that no installed plugin has the name, and what to do."""
    names = index.names(group)
    known = names + tuple(shipped for kind, shipped in FIRST_PARTY if kind == group)
    near = near_name(name, [candidate for candidate in known if candidate != name])
    extra = FIRST_PARTY.get((group, name))
    advice = [
        f"run: pip install 'fabro-core[{extra}]'" if extra else "",
        f'did you mean "{near}"?' if near and not extra else "",
        f"installed: {', '.join(names)}" if names else f"no plugin of {group.value} is installed",
    ]
    return f'no installed plugin provides "{name}"; {"; ".join(line for line in advice if line)}'


def contested(name: str, plugins: Sequence[Plugin]) -> Problem:
    """Says that several distributions provide the name."""
    claims = " and ".join(plugin.origin for plugin in plugins)
    return Problem(path=f"{name} ({claims})", message="several distributions provide this name; uninstall all but one")


def idle_tables(
    index: PluginIndex,
    tables: Mapping[Group, Mapping[str, object]],
    selected: Mapping[Group, Sequence[str]],
    problems: list[Problem],
) -> tuple[str, ...]:
    """Judge the tables of plugins that are not selected; returns warnings (server.md S14)."""
    warnings: list[str] = []
    for group, by_name in tables.items():
        for name in by_name:
            path = join(group.table, name)
            if name in selected[group]:
                continue
            if index.candidates(group, name):
                warnings.append(f"[{path}] is ignored: {group.names_key} does not name {name}")
            else:
                problems.append(Problem(path=path, message=not_installed(index, group, name)))
    return tuple(warnings)
