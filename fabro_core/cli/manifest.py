"""`fabro manifest` and `fabro validate` (server.md S25)."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fabro_core.cli.server_address import server_meant_by, server_option

if TYPE_CHECKING:
    from fabro_core.models.manifest import RunManifest

HAS_ERRORS: Final = 5
"""The workflow has errors."""

_FLAGS: Final = ("dry-run", "auto-approve", "preserve-sandbox", "in-place")


def manifest_options(command: Callable[..., None]) -> Callable[..., None]:
    """The argument and the options of a command that makes a manifest; it gets the manifest in their place."""

    @functools.wraps(command)
    def with_manifest(file: str, cwd: Path, user_settings: Path | None, goal_file: Path | None, **given: Any) -> None:
        from fabro_core.client.manifest import build_manifest
        from fabro_core.client.project_files import ProjectFiles
        from fabro_core.client.run_options import RunOptions
        from fabro_core.text import without_mark

        own = {name: given.pop(name) for name in list(given) if name in RunOptions.__struct_fields__}
        if goal_file is not None:
            if own["goal"] is not None:
                raise click.UsageError("--goal and --goal-file exclude each other")
            own["goal"] = without_mark(ProjectFiles(cwd).require(goal_file))
        manifest = build_manifest(file, cwd=cwd, options=RunOptions(**own), user_settings=user_settings)
        command(manifest=manifest, **given)

    path = functools.partial(click.Path, path_type=Path)
    options = [
        click.argument("file"),
        click.option("--title", help="Default: the first line of the goal."),
        click.option("--goal", metavar="TEXT", help="Beats the goal of settings and graph."),
        click.option("--goal-file", type=path(), help="The same from a file."),
        _entries("--input", "inputs", of="An input; may be repeated."),
        _entries("--label", "labels", of="A label; may be repeated."),
        click.option("--model", help="The model of agents."),
        click.option("--provider", help="The provider of the model."),
        click.option("--environment", metavar="ID", help="The environment to run in."),
        *(click.option(f"--{flag}/--no-{flag}", default=None, help=_HELP[flag]) for flag in _FLAGS),
        click.option("--parent", "parent_id", metavar="RUN", help="The id of the run that this is a child of."),
        click.option(
            "--cwd",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            default=Path(),
            help="The directory that the run is about, and from which all paths are seen; default: this one.",
        ),
        click.option("--user-settings", type=path(), help="A settings file below that of the project."),
    ]
    for option in reversed(options):
        with_manifest = option(with_manifest)
    return with_manifest


def _entries(flag: str, name: str, *, of: str) -> Callable[..., Any]:
    """An option that takes `KEY=VALUE`. A server passes over a label that has no key (run-settings.md T5)."""

    def check(_context: click.Context, _option: click.Parameter, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            key, equals, _ = entry.partition("=")
            if not equals or not key.strip():
                raise click.BadParameter(f"{entry!r} is not KEY=VALUE.")
        return entries

    return click.option(flag, name, metavar="KEY=VALUE", multiple=True, callback=check, help=of)


_HELP: Final = {
    "dry-run": "Execute nothing, pretend.",
    "auto-approve": "Ask nobody.",
    "preserve-sandbox": "Keep the sandbox after the end.",
    "in-place": "Work in the directory itself, not in a copy of it.",
}


@click.command()
@manifest_options
def manifest(manifest: RunManifest) -> None:
    """Print the manifest of a workflow: what creating a run of it sends.

    FILE is a graph file, a workflow.toml, a directory with one, or the name of a workflow that the project keeps.
    """
    from fabro_core.client.manifest import encode_manifest

    click.echo(encode_manifest(manifest, indent=2))


@click.command()
@manifest_options
@server_option
@click.option("--json", "as_json", is_flag=True, help="Print what the server answers.")
def validate(manifest: RunManifest, server: str | None, as_json: bool) -> None:
    """Ask a server what is wrong with a workflow; exit 5 when it has errors.

    FILE is a graph file, a workflow.toml, a directory with one, or the name of a workflow that the project keeps.
    """
    from fabro_core.cli.auth import kept_credentials
    from fabro_core.cli.verdict import tell
    from fabro_core.client.validating import ask_for_verdict

    verdict = ask_for_verdict(server_meant_by(server), kept_credentials(), manifest)
    tell(verdict, as_json=as_json)
    if not verdict.ok:
        sys.exit(HAS_ERRORS)
