"""`fabro settings schema` (server.md S25)."""

from __future__ import annotations

import json

import click


@click.group()
def settings() -> None:
    """Look at what can be set."""


@settings.command()
def schema() -> None:
    """Print the JSON Schema of the settings file, for core and installed plugins.

    Works without settings. A plugin that cannot be loaded is named on stderr, and any table of it is admitted.
    """
    from fabro_core.config.schema import settings_schema
    from fabro_core.context import Problem
    from fabro_core.plugins.declared import declared_tables

    problems: list[Problem] = []
    tables = declared_tables(problems)
    for problem in problems:
        click.echo(problem.line(), err=True)
    click.echo(json.dumps(settings_schema(tables), indent=2, ensure_ascii=False))
