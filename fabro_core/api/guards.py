"""Which callers a route admits (runs.md R2, auth.md A3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fabro_core.api.services import SERVICES
from fabro_core.api.trace import trace_of
from fabro_core.auth.credentials import LoginNotPermitted, Unauthenticated

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection


async def require_user(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Admit a person whose credentials are good; decided before anything else is looked at."""
    trace = trace_of(connection.scope)
    trace.auth_status = "missing"
    try:
        trace.caller = await connection.app.state[SERVICES].authenticator.authenticate(connection.scope["headers"])
    except LoginNotPermitted as refusal:
        trace.auth_status, trace.auth_error_code = "denied", refusal.code
        raise
    except Unauthenticated as refusal:
        if refusal.code is not None:
            trace.auth_status, trace.auth_error_code = "invalid", refusal.code
        raise
    trace.auth_status = "authenticated"
