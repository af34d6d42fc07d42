"""The reference of the command line, from its click commands."""

from __future__ import annotations

from collections.abc import Iterator

import click

from docs.generate.markdown import code, page, prose, table
from fabro_core.cli import cli


def write() -> str:
    """The page."""
    introduction = "Every command and its options. `-h` or `--help` prints the same on a terminal."
    return page("Commands", introduction, *(_section(path, command) for path, command in _leaves(cli, ("fabro",))))


def _leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its words."""
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from _leaves(child, (*path, name))
    else:
        yield path, command


def _section(path: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(path))
    usage = " ".join([" ".join(path), *command.collect_usage_pieces(context)])
    options = [_option(each, context) for each in command.params if isinstance(each, click.Option)]
    return "\n\n".join(
        [
            f"## `{' '.join(path)}`",
            prose(command.help),
            f"```text\n{usage}\n```",
            *([table(("Option", "Meaning"), options)] if options else []),
        ]
    )


def _option(option: click.Option, context: click.Context) -> tuple[str, str]:
    record = option.get_help_record(context)
    assert record is not None, "hidden options are not in this command line"
    return code(record[0]), record[1]
