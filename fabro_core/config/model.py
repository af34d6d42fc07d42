"""The effective settings of the core, after flags, environment, file and defaults are merged (server.md S14, S15).

Defaults that depend on the home are filled in by the loader, so nothing here is unknown when the server is built.
Tables of plugins are not in here: each plugin has a Struct of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the settings tables."""


class UnixListen(Table, frozen=True, kw_only=True, tag="unix", tag_field="type"):
    path: Path
    """At most 107 bytes (server.md S15)."""


class TcpListen(Table, frozen=True, kw_only=True, tag="tcp", tag_field="type"):
    host: str
    """An IP address."""
    port: int
    """0: any free port."""

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Api(Table, frozen=True, kw_only=True):
    url: str | None = None
    """Advertised base of the API, without a trailing slash; None: this server's own paths (server.md S6)."""


class Web(Table, frozen=True, kw_only=True):
    enabled: bool = True
    url: str | None = None
    """The public URL, without a trailing slash; None: derived from the listener (server.md S1)."""


class Auth(Table, frozen=True, kw_only=True):
    methods: tuple[str, ...]


class Store(Table, frozen=True, kw_only=True):
    kind: str = "sqlite"


class Extensions(Table, frozen=True, kw_only=True):
    enabled: tuple[str, ...] = ()


class Storage(Table, frozen=True, kw_only=True):
    root: Path


class Logging(Table, frozen=True, kw_only=True):
    level: LogLevel = "info"
    format: LogFormat = "text"


class Limits(Table, frozen=True, kw_only=True):
    max_body_bytes: int = 2 * 1024 * 1024
    login_attempts_per_minute: int = 10
    sse_max_seconds: int = 0
    """0: no limit."""


class Scheduler(Table, frozen=True, kw_only=True):
    max_concurrent_runs: int = 5


class Server(Table, frozen=True, kw_only=True):
    listen: UnixListen | TcpListen
    auth: Auth
    storage: Storage
    api: Api = Api()
    web: Web = Web()
    store: Store = Store()
    extensions: Extensions = Extensions()
    logging: Logging = Logging()
    limits: Limits = Limits()
    scheduler: Scheduler = Scheduler()


class Settings(Table, frozen=True, kw_only=True):
    """Everything an operator may set for the core."""

    server: Server
    home: Path
    """`$FABRO_HOME`, else `~/.fabro` (server.md S1). Not a key of the file."""
    source: Path | None = None
    """The file these settings were read from; None when they were handed over in memory."""
