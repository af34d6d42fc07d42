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
    from fabro_core.plugins.kinds import KINDS

    problems: list[Problem] = []
    tables = declared_tables(problems)
    schema = settings_schema(tables, KINDS.sections)
    for problem in problems:
        click.echo(problem.line(), err=True)
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
