"""What a handler gets: a request whose credentials, path, query and body have been judged already."""

from __future__ import annotations

from typing import Any, Generic

from typing_extensions import TypeVar

from fabro_core.auth.caller import Caller, User
from fabro_core.auth.visitor import Visitor
from fabro_core.http.access import client_of
from fabro_core.http.asgi import Scope
from fabro_core.http.path import Digest
from fabro_core.http.services import Services
from fabro_core.http.trace import Trace, trace_of
from fabro_core.models.principal import Principal

Path = TypeVar("Path", default=None)
Query = TypeVar("Query", default=None)
Body = TypeVar("Body", default=None)


class Call(Generic[Path, Query, Body]):
    """A request to one operation: `Call[Path, Query, Body]`, None for what the operation does not have.

    The types say what is decoded before the handler is called: `Path` is a `PathParams`, `Query` a `QueryParams`, and
    `Body` a JSON type, `bytes` for a body as it came, or `Incoming` for one that the handler reads by itself.
    """

    __slots__ = ("_caller", "_revision", "body", "path", "query", "scope", "services")

    def __init__(
        self,
        scope: Scope,
        services: Services,
        caller: Caller | None,
        path: Path,
        query: Query,
        body: Body,
        revision: Digest | None = None,
    ) -> None:
        self.scope = scope
        self.services = services
        self._caller = caller
        self.path = path
        self.query = query
        self.body = body
        self._revision = revision

    @property
    def caller(self) -> Caller:
        """Who asks; only where credentials are needed."""
        assert self._caller is not None
        return self._caller

    @property
    def user(self) -> User:
        """The person who asks; only where no worker is admitted."""
        assert isinstance(self._caller, User)
        return self._caller

    @property
    def revision(self) -> Digest:
        """The revision that the request is for; only where `If-Match` is needed."""
        assert self._revision is not None
        return self._revision

    @property
    def principal(self) -> Principal:
        """The caller as the log names it (runs.md R4)."""
        return self.caller.principal

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Names in lower case, as they came."""
        headers: list[tuple[bytes, bytes]] = self.scope["headers"]
        return headers

    @property
    def user_agent(self) -> str | None:
        """What the client says that it is."""
        for name, value in self.headers:
            if name == b"user-agent":
                return value.decode("latin-1")
        return None

    @property
    def visitor(self) -> Visitor:
        """Where the request comes from, for sign-ins."""
        return visitor_of(self.scope)

    @property
    def trace(self) -> Trace:
        """What is known of the request beside what it says."""
        return trace_of(self.scope)


AnyCall = Call[Any, Any, Any]
"""A call of whatever operation, for what several of them share."""


def visitor_of(scope: Scope) -> Visitor:
    """Where a request comes from, for sign-ins."""
    return Visitor(client=client_of(scope), request_id=trace_of(scope).request_id, headers=scope["headers"])
