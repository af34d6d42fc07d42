"""The settings table `[server.auth.github]` (auth.md A13)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fabro_core.settings import HTTP_URL, LIVE_ALLOW_LIST, Form, Secret, from_env


def _username(text: str) -> str:
    """In one spelling, because GitHub takes no notice of letter case."""
    name = text.strip()
    if not name:
        raise ValueError("a blank one")
    return name.casefold()


USERNAME = Form("a GitHub username", _username, schema={"type": "string", "pattern": r"\S"})


class GitHubSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may sign in with GitHub, and which GitHub that is."""

    client_id: Annotated[str, msgspec.Meta(min_length=1)]
    """Of the OAuth app or GitHub App that people agree to."""
    allowed_usernames: Annotated[tuple[Annotated[str, USERNAME], ...], LIVE_ALLOW_LIST] = ()
    """Who may use the server, in any letter case; may be left out beside `allowed_user_ids`. GitHub lets names be given
    away, and whoever takes one over is let in by it."""
    allowed_user_ids: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1)], ...], LIVE_ALLOW_LIST] = ()
    """Who may use the server, by GitHub's numbers, which stay with an account whatever it is called."""
    oauth_url: Annotated[str, HTTP_URL] = "https://github.com"
    """Where people sign in, and the issuer of their identities; another one for GitHub Enterprise."""
    api_url: Annotated[str, HTTP_URL] = "https://api.github.com"
    """Where GitHub tells who they are; `https://HOST/api/v3` for GitHub Enterprise."""
    client_secret: Annotated[Secret, from_env("GITHUB_APP_CLIENT_SECRET")]
