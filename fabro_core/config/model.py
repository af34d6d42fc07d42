"""The effective settings of the core, after flags, environment, file and defaults are merged (server.md S14, S15).

Defaults that depend on the home are filled in by the loader, so nothing here is unknown when the server is built.
The tables in which plugins are named are not in here, see `fabro_core.config.sections`; nor are those of plugins, each
of which has a Struct of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from fabro_core.config.live_fields import LIVE
from fabro_core.config.values import (
    FILE_VERSION,
    HTTP_URL,
    LISTEN_ADDRESS,
    LOG_LEVEL,
    PLUGIN_NAME,
    PUBLIC_URL,
    SETTINGS_VERSION,
    SOCKET_PATH,
    split_address,
)

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
Name = Annotated[str, PLUGIN_NAME]
"""The name of a plugin."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the settings tables."""


class UnixListen(Table, frozen=True, kw_only=True, tag="unix", tag_field="type"):
    """Listen on a Unix socket."""

    path: Annotated[Path, SOCKET_PATH]
    """The socket; `<home>/fabro.sock` unless it is set."""


class TcpListen(Table, frozen=True, kw_only=True, tag="tcp", tag_field="type"):
    """Listen on a TCP port."""

    address: Annotated[str, LISTEN_ADDRESS]
    """`IP:port` or `[IPv6]:port`; port 0: any free port."""

    @property
    def host(self) -> str:
        """The IP address, without brackets."""
        return split_address(self.address)[0]

    @property
    def port(self) -> int:
        return split_address(self.address)[1]


Listen = UnixListen | TcpListen


class Api(Table, frozen=True, kw_only=True):
    """Where clients are sent for the API."""

    url: Annotated[str, HTTP_URL] | None = None
    """Advertised base of the API, without a trailing slash; unset: this server's own paths (server.md S6)."""


HSTS_SECONDS: Final = 31_536_000
"""A year."""
MAX_HSTS_SECONDS: Final = 10 * HSTS_SECONDS
"""Ten years."""


class Web(Table, frozen=True, kw_only=True):
    """Pages for people, and the address under which they reach the server."""

    enabled: bool = True
    """Whether pages are served; they need SESSION_SECRET."""
    url: Annotated[str, PUBLIC_URL] | None = None
    """The public URL, without a trailing slash; unset: derived from the listener (server.md S1)."""
    hsts_seconds: Annotated[int, msgspec.Meta(ge=0, le=MAX_HSTS_SECONDS)] = HSTS_SECONDS
    """For how long a browser that was here comes with https alone (RFC 6797), counted from its last visit; sent where
    the public URL is https. 0: the header is not sent."""
    hsts_subdomains: bool = False
    """Whether that holds for every subdomain of the host as well, those of other services included."""


class Storage(Table, frozen=True, kw_only=True):
    """Files of the server."""

    root: Path
    """The directory of database, lock and logs; `<home>/storage` unless it is set. Created with mode 0700."""


class Logging(Table, frozen=True, kw_only=True):
    """The log of the server process."""

    level: Annotated[LogLevel, LOG_LEVEL, LIVE] = "info"
    """The least severe level that is logged."""
    format: LogFormat = "text"
    """Lines for people, or one JSON object a line."""


class Limits(Table, frozen=True, kw_only=True):
    """Bounds that protect the server (server.md S10)."""

    max_body_bytes: Annotated[int, msgspec.Meta(ge=1024, le=1024**3)] = 2 * 1024**2
    """The largest request body, in bytes."""
    login_attempts_per_minute: Annotated[int, msgspec.Meta(ge=1, le=1000), LIVE] = 10
    """Attempts to sign in that one client has in a minute."""
    sse_max_seconds: Annotated[int, msgspec.Meta(ge=0, le=86400)] = 0
    """After how many seconds an event stream ends; 0: no limit."""
    store_seconds: Annotated[int, msgspec.Meta(ge=1, le=300)] = 10
    """How many seconds one call of the store may take; then the request is answered with 503."""
    streams_per_caller: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 1024
    """How many event streams one person, or the workers of one run, may have open at the same time, in each process; 0:
    no limit."""
    connections_per_client: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 512
    """How many connections one address may have at the same time, in each process; 0: no limit. Unix and loopback
    clients and trusted proxies are not counted; an IPv6 address counts with the others of its /64 network."""

    search_rows: Annotated[int, msgspec.Meta(ge=1000)] = 50_000
    """How many runs a search of the list may look at; what needs more is refused."""


class Scheduler(Table, frozen=True, kw_only=True):
    """How runs get to work."""

    max_concurrent_runs: Annotated[int, msgspec.Meta(ge=1)] = 5
    """How many runs hold a slot at the same time (runs.md R6.1)."""


class Server(Table, frozen=True, kw_only=True):
    """Everything about the server."""

    listen: Listen
    """Where the server accepts connections; a Unix socket in the home unless it is set."""
    storage: Storage
    api: Api = Api()
    web: Web = Web()
    logging: Logging = Logging()
    limits: Limits = Limits()
    scheduler: Scheduler = Scheduler()


class SettingsFile(Table, frozen=True, kw_only=True):
    """The settings file of Fabro Server."""

    server: Server
    version: Annotated[int, SETTINGS_VERSION] = msgspec.field(name="_version", default=FILE_VERSION)
    """The form of the file."""


class Settings(Table, frozen=True, kw_only=True):
    """Everything an operator may set for the core."""

    server: Server
    home: Path
    """`$FABRO_HOME`, else `~/.fabro` (server.md S1). Not a key of the file."""
