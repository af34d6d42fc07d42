"""What `fabro auth status` says (auth.md A28)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import click

from fabro_core.client.logins import Login, OAuthLogin
from fabro_core.unseen import escaped


def tell_logins(logins: Mapping[str, Login], now: datetime, *, as_json: bool) -> None:
    """Tell how good each login is at `now`, ordered by server; never a credential."""
    if as_json:
        click.echo(json.dumps([_document(server, login, now) for server, login in sorted(logins.items())], indent=2))
        return
    if not logins:
        click.echo("Not logged in to any server", err=True)
    for server, login in sorted(logins.items()):
        click.echo(escaped(f"{server} {login.login} {login.state(now)}"))


def _document(server: str, login: Login, now: datetime) -> dict[str, object]:
    """The answer for programs. A dev token does not expire."""
    expiring = login if isinstance(login, OAuthLogin) else None
    return {
        "server": server,
        "login": login.login,
        "status": login.state(now),
        "access_token_expires_at": expiring and _instant(expiring.access_token_expires_at),
        "refresh_token_expires_at": expiring and _instant(expiring.refresh_token_expires_at),
    }


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
