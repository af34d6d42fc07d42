"""`fabro plugins` (server.md S25): what is installed, told without importing any of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fabro_core.plugins.sources import InstalledPlugin


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--loaded", is_flag=True, help="Import the selected plugins and say what they are.")
def plugins(as_json: bool, loaded: bool) -> None:
    """List the installed plugins; works with broken settings and broken plugins."""
    from fabro_core.boot.reading import SettingsReader
    from fabro_core.plugins.discovery import installed_plugins

    selected = SettingsReader().selected_names()
    rows = [_row(plugin, (plugin.group, plugin.name) in selected) for plugin in installed_plugins()]
    if loaded:
        rows = [_inspected(row, plugin) for row, plugin in zip(rows, installed_plugins(), strict=True)]
    click.echo(json.dumps(rows, indent=2) if as_json else _table(rows))


def _row(plugin: InstalledPlugin, is_selected: bool) -> dict[str, object]:
    return {
        "group": plugin.group,
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "selected": is_selected,
    }


def _inspected(row: dict[str, object], plugin: InstalledPlugin) -> dict[str, object]:
    """The row of a selected plugin with what importing it shows; others stay unimported."""
    if not row["selected"]:
        return row
    from fabro_core.context import Problem
    from fabro_core.plugins.host import PluginHost

    problems: list[Problem] = []
    imported = PluginHost().load(plugin, problems)
    if imported is not None:
        imported.settings_type(problems)
    return {
        **row,
        "api": imported.api if imported else None,
        "hooks": list(imported.hooks) if imported else [],
        "problem": "; ".join(problem.message for problem in problems) or None,
    }


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    if not rows:
        return "no plugins are installed"
    columns = ("group", "name", "distribution", "version")
    lines = [["", *(column.upper() for column in columns)]]
    lines += [["*" if row["selected"] else "", *(str(row[column]) for column in columns)] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    table = [" ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    details = [f"  {row['name']}: {_detail(row)}" for row in rows if "hooks" in row]
    return "\n".join([*table, *details])


def _detail(row: Mapping[str, object]) -> str:
    if row["problem"]:
        return str(row["problem"])
    return f"API {row['api']}, {', '.join(_strings(row['hooks']))}"


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
