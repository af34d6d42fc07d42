"""Sign-in with GitHub, or with a GitHub Enterprise server (auth.md A11 to A13).

Whoever is on the allow-list may use the server. Nothing of GitHub is kept but who somebody is.
"""

from __future__ import annotations

from fabro_auth_github.method import GitHubAuth
from fabro_auth_github.settings import GitHubSettings
from fabro_core import PluginContext, hookimpl

__all__ = ["GitHubAuth", "GitHubSettings", "fabro_auth_method", "fabro_settings"]

FABRO_PLUGIN_API = 1


@hookimpl
def fabro_settings() -> type[GitHubSettings]:
    return GitHubSettings


@hookimpl
def fabro_auth_method(ctx: PluginContext) -> GitHubAuth:
    return GitHubAuth(ctx.live_settings)
