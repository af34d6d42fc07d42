"""Operations: a Litestar handler together with what the API document says about it.

Core handlers parse their input by the protocol's own rules and answer bytes that are often stored encoded, so their
signatures do not tell what goes over the wire. The `Operation` beside each handler does; `fabro_core.http.openapi`
writes the document from it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import Empty

from fabro_core.http.asgi import ASGIApp
from fabro_core.http.guards import Guard, admit, refuse_head
from fabro_core.http.options import NO_HEAD
from fabro_core.http.query import QueryParams
from fabro_core.http.request import FabroRequest

if TYPE_CHECKING:
    from litestar.types import Method

OPT_KEY = "fabro_operation"

EVENT_STREAM = "text/event-stream"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What the API document says about one method of one path."""

    id: str
    """The `operationId`, as existing clients know it."""
    tag: str
    summary: str
    answers: Mapping[int, Any]
    """Success statuses with the type of the body; None for an empty body."""
    media_type: str = "application/json"
    """Of the success answers that have a body."""
    query: type[QueryParams] | None = None
    body: Any = None
    """Type of the JSON body; None when the operation reads none."""
    body_required: bool = True
    """False: an empty body stands for one without members (runs.md R1.4)."""
    uploads: Mapping[str, Any] = {}
    """Media types of a body that is not JSON, with `bytes`, or the type of the part `manifest` of a multipart one."""
    max_body_bytes: int | None = None
    """The most its body may hold; None: what the settings say of ordinary bodies (server.md S10)."""
    errors: tuple[int, ...] = ()
    """Statuses that the operation itself may refuse with, beside those of the request pipeline (server.md S3)."""
    guard: Guard | None = Guard.USER
    """Whom it admits; None: everybody, without credentials."""

    @property
    def public(self) -> bool:
        """Whether it needs no credentials."""
        return self.guard is None


Handler = Callable[[FabroRequest], Awaitable[ASGIApp]]
"""Answers with the response, which is an ASGI application itself."""


def operation(method: Method, path: str, description: Operation) -> Callable[[Handler], HTTPRouteHandler]:
    """Make a Litestar route handler of a handler that only those get to whom the operation's guard admits."""

    def decorate(handler: Handler) -> HTTPRouteHandler:
        return _route(method, path, description)(_guarded(handler, description.guard))

    return decorate


def event_stream(path: str, description: Operation) -> Callable[[Handler], HTTPRouteHandler]:
    """`operation` for a GET whose answer does not end by itself, so that HEAD is refused (server.md S3)."""

    def decorate(handler: Handler) -> HTTPRouteHandler:
        guarded = _guarded(handler, description.guard)

        @functools.wraps(handler)
        async def not_for_head(request: FabroRequest) -> ASGIApp:
            refuse_head(request)
            return await guarded(request)

        return _route("GET", path, description, NO_HEAD)(not_for_head)

    return decorate


def _route(method: Method, path: str, description: Operation, *marks: str) -> HTTPRouteHandler:
    return HTTPRouteHandler(
        path,
        http_method=[method],
        opt={OPT_KEY: description, **dict.fromkeys(marks, True)},
        include_in_schema=False,
        operation_id=description.id,
        status_code=200,  # the answer decides; Litestar only checks that a body is possible
        request_max_body_size=Empty if description.max_body_bytes is None else description.max_body_bytes,
    )


def _guarded(handler: Handler, guard: Guard | None) -> Handler:
    """`handler` behind the check of credentials. Litestar's own guards copy the route handler for every request,
    which costs more than the check."""
    if guard is None:
        return handler

    @functools.wraps(handler)
    async def guarded(request: FabroRequest) -> ASGIApp:
        await admit(request, guard)
        return await handler(request)

    return guarded
