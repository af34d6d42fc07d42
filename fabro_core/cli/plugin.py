"""`fabro plugin new`: a package to start a plugin from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

_WORDS = sorted(each.name for each in (files("fabro_core.scaffold") / "templates").iterdir())
"""For the kinds of plugins, which are not imported before one is asked for."""


@click.group()
def plugin() -> None:
    """Write a plugin."""


@plugin.command()
@click.argument("kind", type=click.Choice(_WORDS))
@click.argument("name")
@click.option("--directory", type=click.Path(path_type=Path), help="Where to write it; default: ./<distribution>.")
def new(kind: str, name: str, directory: Path | None) -> None:
    """Write a small working plugin with its test; overwrites nothing.

    NAME is the name in the settings: lower-case letters, digits and single dashes, 64 at most.
    """
    from fabro_core.scaffold.package import WORDS, NewPackage

    try:
        package = NewPackage(WORDS[kind], name)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from None
    home = directory if directory is not None else Path(package.distribution)
    try:
        written = package.write(home)
    except OSError as error:
        raise click.FileError(str(error.filename or home), error.strerror) from None
    for path in written:
        click.echo(f"created {path}")
    click.echo("Next:")
    for command in next_commands(home):
        click.echo(f"  {command}")


def next_commands(home: Path) -> tuple[str, ...]:
    """What to type to see the new package's tests pass."""
    from shlex import quote

    return f"cd {quote(str(home))}", "python -m pip install -e '.[test]'", "python -m pytest"
