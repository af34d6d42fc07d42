"""The access log: one line a request (server.md S26)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Final

from fabro_core.auth.caller import Worker
from fabro_core.http.trace import Trace

LOGGED_PATH_CHARS: Final = 512
"""Of a path; the rest is left out."""

NOTHING_SENT: Final = 499
"""What the log calls the status of a request whose client has left before it was answered; never on the wire."""

_PROBES: Final = frozenset({"/health", "/health/ready", "/api/v1/health"})
"""Asked every few seconds by what looks after the server; their lines would hide the others."""

log = logging.getLogger("fabro.access")


def client_of(scope: Mapping[str, Any]) -> str:
    """The peer's address, `unix` for a socket peer (server.md S13)."""
    client = scope.get("client")
    return client[0] if client and client[0] else "unix"


def log_request(scope: Mapping[str, Any], trace: Trace, status: int, began: float) -> None:
    """Write the line; the fields are also attributes of the record (`record.fabro`), for JSON logs."""
    level = logging.ERROR if status >= 500 else logging.DEBUG if _is_probe(scope) else logging.INFO
    if not log.isEnabledFor(level):
        return
    path: str = scope["path"]
    fields: dict[str, object] = {
        "method": scope["method"],
        "path": path if len(path) <= LOGGED_PATH_CHARS else f"{path[:LOGGED_PATH_CHARS]}…",
        "status": status,
        "latency_ms": round((perf_counter() - began) * 1000, 3),
        "request_id": trace.request_id,
        "client": client_of(scope),
        "principal_kind": "none",
    }
    if trace.auth_status is not None:
        fields["auth_status"] = trace.auth_status
    if trace.auth_error_code is not None:
        fields["auth_error_code"] = trace.auth_error_code
    caller = trace.caller
    if isinstance(caller, Worker):
        fields["principal_kind"] = "worker"
    elif caller is not None:
        fields["principal_kind"] = "user"
        fields["user_auth_method"] = caller.method.replace("-", "_")
        fields["idp_issuer"] = caller.identity.issuer
        fields["idp_subject"] = caller.identity.subject
        fields["login"] = caller.identity.login
    # Without `log.log`, which walks the stack to name a source line that would be this one every time.
    record = logging.LogRecord(log.name, level, "", 0, "request", (), None)
    record.fabro = fields
    log.handle(record)


def _is_probe(scope: Mapping[str, Any]) -> bool:
    path: str = scope["path"]
    return path in _PROBES or path.removeprefix(scope.get("root_path") or "") in _PROBES
