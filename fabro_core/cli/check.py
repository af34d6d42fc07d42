"""`fabro check` (server.md S25)."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Settings file.")
@click.option("--online", is_flag=True, help="Also contact identity providers.")
def check(config: Path | None, online: bool) -> None:
    """Check everything a start would check, without listening."""
    import asyncio

    from fabro_core.app import FabroApp
    from fabro_core.boot.assembly import assemble
    from fabro_core.boot.reading import SettingsReader

    async def open_and_close(app: FabroApp) -> None:
        async with app.lifespan():
            info = app.assembly.store.info()
            click.echo("; ".join([f"store {info.name}: {info.version}", *info.facts]), err=True)
            if online:
                await app.assembly.check_online()

    asyncio.run(open_and_close(FabroApp(assemble(SettingsReader().read(config)))))
    click.echo("ok")
