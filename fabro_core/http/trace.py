"""What is known about the request being served: made first, read by error answers and the access log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from uuid_utils import uuid4

from fabro_core.auth.caller import AuthStatus, Caller

SCOPE_KEY = "fabro.trace"


class Trace:
    """One request. Mutable on purpose: authentication fills in who asks."""

    __slots__ = ("auth_error_code", "auth_status", "caller", "is_head", "request_id")

    def __init__(self, *, is_head: bool = False) -> None:
        self.request_id = str(uuid4())
        self.is_head = is_head
        """The client sent HEAD; the application sees GET."""
        self.caller: Caller | None = None
        self.auth_status: AuthStatus | None = None
        """None on a public route, where credentials are not looked at."""
        self.auth_error_code: str | None = None


def trace_of(scope: Mapping[str, Any]) -> Trace:
    """The trace of the request that `scope` belongs to."""
    trace = scope[SCOPE_KEY]
    assert isinstance(trace, Trace)
    return trace
