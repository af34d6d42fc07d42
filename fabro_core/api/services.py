"""What the handlers of one application share; hangs off the application, so two of them never meet."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from fabro_core.api.origins import Origin
from fabro_core.api.settings_view import ServerSettings
from fabro_core.api.streams import EventStreams
from fabro_core.auth.attempts import LoginAttempts
from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.auth.chains import Chains
from fabro_core.auth.cli_logins import CliLogins
from fabro_core.auth.cookies import Cookies
from fabro_core.auth.credentials import Authenticator
from fabro_core.auth.login_states import LoginStates
from fabro_core.auth.sessions import BrowserSessions
from fabro_core.auth.worker_tokens import WorkerTokens
from fabro_core.health import StoreHealth
from fabro_core.runs.service import Runs
from fabro_core.uptime import Uptime

SERVICES = "fabro_services"
"""Key of the application's state that holds them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Services:
    """The collaborators of the core's routes."""

    version: str
    store_name: str
    """The store's settings name, such as `sqlite`."""
    storage_root: Path
    web_enabled: bool
    server_url: str
    """The public URL, without a trailing slash (server.md S1)."""
    public_origin: Origin | None
    """Of the public URL."""
    public_prefix: str
    """Path of the public URL; normally empty (server.md S1)."""
    discovery: bytes
    """The answer of `GET /` to API clients."""
    api_document: Callable[[], bytes]
    """The encoded API document; made when it is first asked for."""
    authenticator: Authenticator
    worker_tokens: WorkerTokens
    methods: Mapping[str, AuthMethod]
    """Enabled auth methods by name, in the order of the settings."""
    options: Mapping[str, LoginOption]
    """How people sign in with a browser, by method, in the order of the settings; empty without web pages."""
    cookies: Cookies
    sessions: BrowserSessions | None
    """None without web pages."""
    cli_logins: CliLogins | None
    """None without web pages."""
    login_states: LoginStates | None
    """None without web pages."""
    attempts: LoginAttempts
    health: StoreHealth
    uptime: Uptime
    runs: Runs
    streams: EventStreams
    settings_in_force: Callable[[], ServerSettings]
    """What `GET /api/v1/settings` shows."""

    def require_cli_logins(self) -> CliLogins:
        """The command-line logins, for routes that there are only with web pages."""
        assert self.cli_logins is not None
        return self.cli_logins

    @property
    def chains(self) -> Chains | None:
        """The command-line logins; None without web pages."""
        return None if self.cli_logins is None else self.cli_logins.chains
