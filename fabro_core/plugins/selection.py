"""From the names in the settings to plugins, with a way out for each name that leads to none (server.md S14, S18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fabro_core.config.tables import join
from fabro_core.context import Problem
from fabro_core.near import near_match
from fabro_core.plugins.discovery import PluginIndex
from fabro_core.plugins.kinds import Kind, Kinds
from fabro_core.plugins.sources import Plugin


def select(
    index: PluginIndex, kinds: Kinds, selected: Mapping[str, Sequence[str]], problems: list[Problem]
) -> list[Plugin]:
    """The selected plugins, kind by kind, each in the order of the settings; `selected` has their names by the path of
    the section. A name that leads to no plugin or to several is a problem, and left out.
    """
    plugins: list[Plugin] = []
    for kind in kinds:
        for name in selected[kind.section.path]:
            match index.candidates(kind.group, name):
                case (plugin,):
                    plugins.append(plugin)
                case ():
                    problems.append(Problem(path=kind.section.names_key, message=not_installed(index, kind, name)))
                case several:
                    problems.append(contested(name, several))
    return plugins


def not_installed(index: PluginIndex, kind: Kind, name: str) -> str:
    """Says that no installed plugin has the name, and what to do."""
    names = index.names(kind.group)
    near = near_match(name, [candidate for candidate in (*names, *kind.shipped) if candidate != name])
    extra = kind.shipped.get(name)
    advice = [
        f"run: pip install 'fabro-core[{extra}]'" if extra else "",
        f'did you mean "{near}"?' if near and not extra else "",
        f"installed: {', '.join(names)}" if names else f"no plugin of {kind.group} is installed",
    ]
    return f'no installed plugin provides "{name}"; {"; ".join(line for line in advice if line)}'


def contested(name: str, plugins: Sequence[Plugin]) -> Problem:
    """Says that several distributions provide the name."""
    claims = " and ".join(plugin.origin for plugin in plugins)
    return Problem(path=f"{name} ({claims})", message="several distributions provide this name; uninstall all but one")


def idle_tables(
    index: PluginIndex,
    kinds: Kinds,
    tables: Mapping[str, Mapping[str, object]],
    selected: Mapping[str, Sequence[str]],
    problems: list[Problem],
) -> tuple[str, ...]:
    """Judge the tables of plugins that are not selected; returns warnings (server.md S14). `tables` and `selected`
    are by the path of the section."""
    warnings: list[str] = []
    for kind in kinds:
        section = kind.section
        for name in tables[section.path]:
            path = join(section.path, name)
            if name in selected[section.path]:
                continue
            if index.candidates(kind.group, name):
                warnings.append(f"[{path}] is ignored: {section.names_key} does not name {name}")
            else:
                problems.append(Problem(path=path, message=not_installed(index, kind, name)))
    return tuple(warnings)
