"""`fabro hooks`: what a plugin may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fabro_core.plugins.reference import Hook


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def hooks(as_json: bool) -> None:
    """List the hooks that plugins may implement."""
    import msgspec

    from fabro_core.plugins.reference import hook_reference

    reference = hook_reference()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(reference)).decode())
    else:
        click.echo("\n\n".join(_paragraph(hook) for hook in reference))


def _paragraph(hook: Hook) -> str:
    groups = [f"{group} (required)" if group in hook.required_in else group for group in hook.groups]
    description = hook.description.splitlines()
    return "\n".join([hook.signature, f"  Groups: {', '.join(groups)}", *(f"  {line}" for line in description)])
