"""Keys that are refused with a text of their own: features this server leaves out, and names that have moved
(server.md S28). Every other unknown key is answered by comparison with the known ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fabro_core.context import Problem

_ELSEWHERE: Final = "not a setting of the server; defaults of runs and clients do not belong in this file"
_FROM_VARIABLE: Final = "secrets are not read from this file; set the variable SESSION_SECRET"

REFUSED: Final[Mapping[str, str]] = {
    "server.integrations": (
        "the vault and GitHub App integrations are not supported; to sign in with GitHub set"
        " [server.auth.github].client_id"
    ),
    "server.integrations.slack": "Slack is not supported",
    "server.slack": "Slack is not supported",
    "server.artifacts": "object stores are not supported; everything is kept in the store that [server.store] names",
    "server.slatedb": "object stores are not supported; the store is chosen in [server.store]",
    "server.sandbox": "sandbox providers are not supported; this server does not run workflows itself",
    "run": _ELSEWHERE,
    "workflow": _ELSEWHERE,
    "project": _ELSEWHERE,
    "environments": _ELSEWHERE,
    "llm": _ELSEWHERE,
    "cli": _ELSEWHERE,
    "features": _ELSEWHERE,
    "server.listen.tls": "TLS is not supported on the listener; put a reverse proxy in front",
    "server.ip_allowlist": "address lists are not supported; put a reverse proxy in front",
    "server.logging.destination": (
        "the destination cannot be set: a background server logs to a file, a foreground server to stdout"
    ),
    "server.session_secret": _FROM_VARIABLE,
    "server.auth.session_secret": _FROM_VARIABLE,
    "server.web.session_secret": _FROM_VARIABLE,
    "version": "unknown key, write _version",
    "api": "moved to [server.api]",
    "auth": "moved to [server.auth]",
    "web": "moved to [server.web]",
    "listen": "moved to [server.listen]",
    "store": "moved to [server.store]",
    "storage": "moved to [server.storage]",
    "log": "moved to [server.logging]",
    "logging": "moved to [server.logging]",
    "limits": "moved to [server.limits]",
    "github": "moved to [server.auth.github]",
    "storage_dir": "moved to [server.storage].root",
    "data_dir": "moved to [server.storage].root",
    "max_concurrent_runs": "moved to [server.scheduler].max_concurrent_runs",
}


def refusals(path: str, value: object) -> list[Problem]:
    """The problems of a refused key, its refused sub-tables named one by one; empty: the key is not in the table."""
    below = [child for child in _children(path, value) if child in REFUSED]
    if below and len(below) == len(_children(path, value)):
        return [Problem(path=child, message=REFUSED[child]) for child in below]
    return [Problem(path=path, message=REFUSED[path])] if path in REFUSED else []


def _children(path: str, value: object) -> list[str]:
    return [f"{path}.{key}" for key in value] if isinstance(value, dict) else []
