"""`fabro auth …` (auth.md A28)."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from fabro_core.cli.server_address import server_meant_by, server_option
from fabro_core.text import without_mark
from fabro_core.unseen import escaped

if TYPE_CHECKING:
    from fabro_core.client.address import ServerAddress
    from fabro_core.client.credentials_file import CredentialsFile
    from fabro_core.secret import Secret

STDIN: Final = "-"

VARIABLE: Final = "FABRO_DEV_TOKEN"
"""The variable that has the dev token of a server (auth.md A9)."""


@click.group()
def auth() -> None:
    """Log in to servers, and replace the secrets of this one."""


@auth.command("rotate-dev-token")
def rotate_dev_token() -> None:
    """Write a new dev token into server.env; the old one ends with the next restart."""
    from fabro_core.boot.reading import SettingsReader
    from fabro_core.home.rotation import rotate

    rotated = rotate(SettingsReader(), VARIABLE, undeclared="the auth method dev-token is not enabled")
    click.echo(f"The new token is {VARIABLE} in {rotated.path}")
    if sys.stdout.isatty():
        click.echo(f"{VARIABLE}={rotated.secret.reveal()}")
    click.echo("A running server takes it after a restart: fabro server restart", err=True)


@auth.command("rotate-session-secret")
def rotate_session_secret() -> None:
    """Write a new session secret into server.env; the old one only opens what it has sealed.

    With the next restart browser sessions, access tokens and worker tokens end; logins of programs go on.
    """
    from fabro_core.boot.reading import SESSION_SECRET, SESSION_SECRET_PREVIOUS, SettingsReader
    from fabro_core.home.rotation import rotate_session_secret as rotate

    rotated = rotate(SettingsReader())
    click.echo(f"The new secret is {SESSION_SECRET.name} in {rotated.path}")
    click.echo("A running server takes it after a restart: fabro server restart", err=True)
    if rotated.is_kept:
        previous = SESSION_SECRET_PREVIOUS.name
        click.echo(f"The old one is kept as {previous}; the next start says when it can be removed", err=True)


@auth.command()
@server_option
@click.option("--dev-token", metavar="TOKEN", help=f"Log in with this token; {STDIN} reads it from stdin.")
@click.option("--no-browser", is_flag=True, help="Only print the URL to go to.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=300, show_default=True, help="Seconds to wait."
)
def login(server: str | None, dev_token: str | None, no_browser: bool, timeout: float) -> None:
    """Log in to a server, in the browser or with a dev token.

    For a server of this machine the dev token is also taken from FABRO_DEV_TOKEN.
    """
    from fabro_core.client.faults import ClientFailed
    from fabro_core.client.login import log_in_with_browser, log_in_with_dev_token, log_out

    credentials = kept_credentials()
    credentials.logins()  # a file of no use is told before anybody signs in
    address = server_meant_by(server)
    token = _dev_token(dev_token, address)
    if token is None and address.socket is not None:
        raise click.UsageError("a server on a Unix socket takes only --dev-token")
    show = _print_url if no_browser else _open_browser
    done = (
        log_in_with_browser(address, show, timeout_seconds=timeout)
        if token is None
        else log_in_with_dev_token(address, token)
    )
    with credentials.changing() as logins:
        replaced = logins.get(address.name)
        logins[address.name] = done
    click.echo(f"Logged in to {address.name} as {escaped(done.login)}", err=True)
    if replaced is not None:
        with suppress(ClientFailed):  # nobody uses it any more; otherwise it ends after 30 days
            log_out(address.name, replaced)


@auth.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Say to which servers you are logged in, without asking them."""
    from datetime import UTC, datetime

    from fabro_core.cli.login_status import tell_logins

    tell_logins(kept_credentials().logins(), datetime.now(UTC), as_json=as_json)


@auth.command()
@server_option
@click.option("--all", "everywhere", is_flag=True, help="Log out of every server.")
def logout(server: str | None, everywhere: bool) -> None:
    """Log out: of one server, or of all."""
    if everywhere and server is not None:
        raise click.UsageError("--server and --all exclude each other")
    credentials = kept_credentials()
    names = list(credentials.logins()) if everywhere else [server_meant_by(server).name]
    for name in names:
        _log_out(credentials, name)


def _log_out(credentials: CredentialsFile, name: str) -> None:
    """The login is forgotten first: it has to be even when the server cannot be asked."""
    from fabro_core.client.faults import ClientFailed
    from fabro_core.client.login import log_out

    with credentials.changing() as logins:
        forgotten = logins.pop(name, None)
    if forgotten is None:
        click.echo(escaped(f"Not logged in to {name}"), err=True)
        return
    click.echo(escaped(f"Logged out of {name}"), err=True)
    try:
        log_out(name, forgotten)
    except ClientFailed as error:
        click.echo(escaped(f"The server does not know: {error}"), err=True)


def kept_credentials() -> CredentialsFile:
    """The logins of the person at the terminal."""
    from fabro_core.client.credentials_file import CredentialsFile, credentials_path
    from fabro_core.config.secrets import process_environment

    return CredentialsFile(credentials_path(process_environment()))


def _dev_token(option: str | None, address: ServerAddress) -> Secret | None:
    """The token to log in with; None for a login in the browser. Raises `click.UsageError`, without the token."""
    from fabro_core.secret import Secret

    if option is None:
        return _dev_token_of_environment() if address.is_loopback else None
    text = without_mark(sys.stdin.readline()).rstrip("\r\n") if option == STDIN else option
    if not text:
        raise click.UsageError("the dev token is empty")
    return Secret(text)


def _dev_token_of_environment() -> Secret | None:
    """For a server of this machine alone: elsewhere the variable may hold the token of another server."""
    from fabro_core.config.secrets import process_environment
    from fabro_core.secret import Secret

    text = process_environment().get(VARIABLE)
    return Secret(text) if text else None


def _print_url(url: str) -> None:
    click.echo(f"To log in, go to:\n{url}", err=True)


def _open_browser(url: str) -> None:
    import webbrowser

    _print_url(url)
    webbrowser.open(url)
