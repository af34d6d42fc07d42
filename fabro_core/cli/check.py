"""`fabro check` (server.md S25)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fabro_core.config.model import Listen


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Settings file.")
@click.option("--online", is_flag=True, help="Also contact identity providers.")
def check(config: Path | None, online: bool) -> None:
    """Check everything a start would check, without listening, and without changing the layout of what is stored."""
    import asyncio

    from fabro_core.app import FabroApp
    from fabro_core.boot.assembly import assemble, make_storage_root
    from fabro_core.boot.reading import SettingsReader
    from fabro_core.server.process import make_default_socket_directory
    from fabro_core.server.record import RunDirectory

    async def open_and_close(app: FabroApp) -> None:
        assembly = app.assembly
        async with assembly.checked() as steps:
            info = assembly.store.info()
            due = f"the next start changes its layout: {', '.join(steps)}"
            click.echo(
                "; ".join([f"store {info.name}: {info.version}", *info.facts, *([due] if steps else [])]), err=True
            )
            if online:
                await assembly.check_online()

    assembly = assemble(SettingsReader().read(config))
    make_storage_root(assembly.settings)
    RunDirectory(assembly.settings.server.storage.root).check()
    make_default_socket_directory(assembly.settings)
    _check_socket(assembly.settings.server.listen)
    asyncio.run(open_and_close(FabroApp(assembly)))
    for warning in assembly.warnings:
        click.echo(warning, err=True)
    click.echo("ok")


def _check_socket(listen: Listen) -> None:
    """A socket that somebody listens on is no problem here: it may be that of the running server."""
    from fabro_core.config.model import UnixListen
    from fabro_core.context import Problem
    from fabro_core.errors import StartupError
    from fabro_core.server.faults import AddressUnavailable
    from fabro_core.server.sockets import check_place

    if isinstance(listen, UnixListen):
        try:
            check_place(listen.path)
        except AddressUnavailable as error:
            raise StartupError([Problem(path="server.listen.path", message=str(error))]) from None
