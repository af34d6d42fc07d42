"""The access log: one line a request (server.md S26)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Final, NamedTuple

from fabro_core.auth.caller import Worker
from fabro_core.http.trace import Trace

LOGGED_PATH_CHARS: Final = 512
"""Of a path; the rest is left out."""

NOTHING_SENT: Final = 499
"""What the log calls the status of a request whose client has left before it was answered; never on the wire."""

MESSAGE: Final = "request"

_PROBES: Final = frozenset({"/health", "/health/ready", "/api/v1/health"})
"""Asked every few seconds by what looks after the server; their lines would hide the others."""

log = logging.getLogger("fabro.access")

RequestLog = Callable[[Mapping[str, Any], Trace, int, float], None]
"""Logs a request: its scope as the server made it, what is known of it, the status, when it began (`perf_counter`)."""


class Asker(NamedTuple):
    """Who made a request, as the log names them; None: there is no such field."""

    principal_kind: str
    auth_status: str | None = None
    auth_error_code: str | None = None
    user_auth_method: str | None = None
    idp_issuer: str | None = None
    idp_subject: str | None = None
    login: str | None = None

    def fields(self) -> dict[str, str]:
        """Those that there are."""
        return {name: value for name, value in zip(self._fields, self, strict=True) if value is not None}


def client_of(scope: Mapping[str, Any]) -> str:
    """The peer's address, `unix` for a socket peer (server.md S13)."""
    client = scope.get("client")
    return client[0] if client and client[0] else "unix"


def log_request(scope: Mapping[str, Any], trace: Trace, status: int, began: float) -> None:
    """Write the line with `logging`; the fields are also an attribute of the record, `fabro`."""
    level = level_of(scope, status)
    if not log.isEnabledFor(level):
        return
    # Without `log.log`, which walks the stack to name a source line that would be this one every time.
    record = logging.LogRecord(log.name, level, "", 0, MESSAGE, (), None)
    record.fabro = {
        "method": scope["method"],
        "path": shown_path(scope),
        "status": status,
        "latency_ms": latency_ms(began),
        "request_id": trace.request_id,
        "client": client_of(scope),
        **asker_of(trace).fields(),
    }
    log.handle(record)


def level_of(scope: Mapping[str, Any], status: int) -> int:
    """How severe the line of a request is."""
    if status >= 500:
        return logging.ERROR
    path, root_path = scope["path"], scope.get("root_path")
    is_probe = path in _PROBES or (root_path and path.removeprefix(root_path) in _PROBES)
    return logging.DEBUG if is_probe else logging.INFO


def shown_path(scope: Mapping[str, Any]) -> str:
    """As much of the path as a line has room for."""
    path: str = scope["path"]
    return path if len(path) <= LOGGED_PATH_CHARS else f"{path[:LOGGED_PATH_CHARS]}…"


def latency_ms(began: float) -> float:
    """How long a request has taken until now."""
    return round((perf_counter() - began) * 1000, 3)


def asker_of(trace: Trace) -> Asker:
    """Who made a request, as far as that is known by now."""
    caller = trace.caller
    if caller is None:
        return Asker("none", trace.auth_status, trace.auth_error_code)
    if isinstance(caller, Worker):
        return Asker("worker", trace.auth_status, trace.auth_error_code)
    identity = caller.identity
    return Asker(
        "user",
        trace.auth_status,
        trace.auth_error_code,
        caller.method.replace("-", "_"),
        identity.issuer,
        identity.subject,
        identity.login,
    )
