"""What a route admits: callers (runs.md R2, auth.md A3), and methods where the path alone does not decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fabro_core.api.services import SERVICES
from fabro_core.api.trace import trace_of
from fabro_core.auth.credentials import LoginNotPermitted, Unauthenticated
from fabro_core.errors import Refusal

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection


class HeadNotAllowed(Refusal):
    """HEAD of a path whose GET does not end by itself (server.md S3): 405."""


def refuse_head(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Admit GET but not HEAD, which comes as a GET whose body is dropped."""
    if trace_of(connection.scope).is_head:
        raise HeadNotAllowed("The method is not allowed for this route.", code="method_not_allowed")


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
