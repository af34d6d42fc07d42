"""The settings in force as clients see them (server.md S8).

Secrets are not in here, and of the tables of plugins nothing but the lists of who is let in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from fabro_core.config.current import CurrentSettings
from fabro_core.config.live_fields import allow_lists
from fabro_core.config.model import Server, TcpListen
from fabro_core.config.sections import Section

LogDestination = Literal["file", "stdout"]

_NO_SANDBOX: Final = {"providers": {name: {"enabled": False} for name in ("local", "docker", "daytona")}}
_NO_INTEGRATIONS: Final = {
    "github": {
        "enabled": False,
        "strategy": "token",
        "app_id": None,
        "client_id": None,
        "slug": None,
        "webhooks": None,
    },
    "slack": {"enabled": False, "default_channel": None},
}
"""What the API document requires of every server, and this one does not have."""

_ALWAYS_SHOWN: Final[Mapping[str, Mapping[str, Mapping[str, object]]]] = {
    "auth": {"github": {"allowed_usernames": []}},
}
"""Lists that the API document requires of every server, by section and plugin, selected or not."""


_LIMITS_SHOWN: Final = ("max_body_bytes", "login_attempts_per_minute", "sse_max_seconds")


class ServerSettings(msgspec.Struct, frozen=True):
    """`server` has the tables of the settings file, and constants for what this server does not have."""

    server: dict[str, Any]


def settings_in_force(
    server: Server,
    *,
    sections: Mapping[Section, msgspec.Struct],
    plugins: Sequence[CurrentSettings],
    public_url: str,
    log_destination: LogDestination,
) -> ServerSettings:
    """What `GET /api/v1/settings` answers. `sections` are the tables in which plugins are named, `plugins` the settings
    of those that are."""
    return ServerSettings(
        {
            "listen": _listen(server),
            "api": {"url": server.api.url},
            "web": {"enabled": server.web.enabled, "url": public_url},
            **{section.name: _section(section, table, plugins) for section, table in sections.items()},
            "storage": {"root": str(server.storage.root)},
            "logging": {
                "level": server.logging.level,
                "format": server.logging.format,
                "destination": log_destination,
            },
            "scheduler": {"max_concurrent_runs": server.scheduler.max_concurrent_runs},
            "limits": {name: getattr(server.limits, name) for name in _LIMITS_SHOWN},
            "sandbox": _NO_SANDBOX,
            "artifacts": {"prefix": "", "store": _objects(server.storage.root, "artifacts")},
            "slatedb": {
                "prefix": "",
                "store": _objects(server.storage.root, "slatedb"),
                "flush_interval": "1ms",
                "disk_cache": False,
            },
            "integrations": _NO_INTEGRATIONS,
        }
    )


def _section(section: Section, table: msgspec.Struct, plugins: Sequence[CurrentSettings]) -> dict[str, Any]:
    """The names of plugins, and below the name of each its lists of who is let in."""
    shown = {name: dict(lists) for name, lists in _ALWAYS_SHOWN.get(section.name, {}).items()}
    for plugin in plugins:
        settings = plugin()
        lists = allow_lists(settings) if settings is not None and plugin.section == section else {}
        if lists:
            shown[plugin.plugin] = shown.get(plugin.plugin, {}) | lists
    return {**shown, **msgspec.structs.asdict(table)}


def _listen(server: Server) -> dict[str, str]:
    if isinstance(server.listen, TcpListen):
        return {"type": "tcp", "address": server.listen.address}
    return {"type": "unix", "path": str(server.listen.path)}


def _objects(root: Path, name: str) -> dict[str, str]:
    return {"type": "local", "root": str(root / "objects" / name)}
