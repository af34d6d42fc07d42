"""`fabro settings schema` (server.md S25), and the same for the settings of runs."""

from __future__ import annotations

import json
from typing import Any

import click


@click.group()
def settings() -> None:
    """Look at what can be set."""


@settings.command()
@click.option("--run", "of_runs", is_flag=True, help="Of workflow.toml, project.toml and the user's settings of runs.")
def schema(of_runs: bool) -> None:
    """Print the JSON Schema of the settings file, for core and installed plugins.

    Works without settings. A plugin that cannot be loaded is named on stderr, and any table of it is admitted.
    """
    click.echo(json.dumps(_of_runs() if of_runs else _of_the_server(), indent=2, ensure_ascii=False))


def _of_runs() -> dict[str, Any]:
    from fabro_core.runs.settings.schema import run_settings_schema

    return run_settings_schema()


def _of_the_server() -> dict[str, Any]:
    from fabro_core.config.schema import settings_schema
    from fabro_core.context import Problem
    from fabro_core.plugins.declared import declared_tables
    from fabro_core.plugins.kinds import KINDS

    problems: list[Problem] = []
    tables = declared_tables(problems)
    schema = settings_schema(tables, KINDS.sections)
    for problem in problems:
        click.echo(problem.line(), err=True)
    return schema
