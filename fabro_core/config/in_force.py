"""The settings in force as clients see them (server.md S8). Secrets and the tables of plugins are not in here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from fabro_core.config.model import Server, TcpListen

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


class ServerSettings(msgspec.Struct, frozen=True):
    """`server` has the tables of the settings file, and constants for what this server does not have."""

    server: dict[str, Any]


def settings_in_force(
    server: Server, *, public_url: str, github_usernames: Sequence[str], log_destination: LogDestination
) -> ServerSettings:
    """What `GET /api/v1/settings` answers."""
    return ServerSettings(
        {
            "listen": _listen(server),
            "api": {"url": server.api.url},
            "web": {"enabled": server.web.enabled, "url": public_url},
            "auth": {"methods": server.auth.methods, "github": {"allowed_usernames": list(github_usernames)}},
            "store": {"kind": server.store.kind},
            "extensions": {"enabled": server.extensions.enabled},
            "storage": {"root": str(server.storage.root)},
            "logging": {
                "level": server.logging.level,
                "format": server.logging.format,
                "destination": log_destination,
            },
            "scheduler": {"max_concurrent_runs": server.scheduler.max_concurrent_runs},
            "limits": msgspec.structs.asdict(server.limits),
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


def _listen(server: Server) -> dict[str, str]:
    if isinstance(server.listen, TcpListen):
        return {"type": "tcp", "address": server.listen.address}
    return {"type": "unix", "path": str(server.listen.path)}


def _objects(root: Path, name: str) -> dict[str, str]:
    return {"type": "local", "root": str(root / "objects" / name)}
