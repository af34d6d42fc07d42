"""Which server a command is about that talks to one: the one that is named, else the one that runs in this home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from fabro_core.client.address import ServerAddress

VARIABLE: Final = "FABRO_SERVER"

server_option = click.option("--server", metavar="URL", help=f"Default: {VARIABLE}, else the server of this home.")


def server_meant_by(option: str | None) -> ServerAddress:
    """Raises `click.BadParameter` for what is no address, `ClientFailed` when nothing is named and nothing runs."""
    from fabro_core.client.address import ServerAddress
    from fabro_core.config.secrets import process_environment, variable

    named = option if option is not None else variable(process_environment(), VARIABLE)
    if named is None:
        return _local_server()
    try:
        return ServerAddress.parse(named)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=VARIABLE if option is None else "--server") from None


def _local_server() -> ServerAddress:
    from fabro_core.boot.reading import SettingsReader
    from fabro_core.client.address import ServerAddress
    from fabro_core.client.faults import ClientFailed
    from fabro_core.server.record import RunDirectory

    record = RunDirectory(SettingsReader().storage_root(None)).running()
    if record is None:
        raise ClientFailed(f"no server runs here; name one with --server or {VARIABLE}")
    if record.bind.tcp is not None:
        return ServerAddress.of_listener(record.bind.tcp)
    return ServerAddress.parse(record.bind.address)
