"""Operations: a Litestar handler together with what the API document says about it.

Core handlers parse their input by the protocol's own rules and answer bytes that are often stored encoded, so their
signatures do not tell what goes over the wire. The `Operation` beside each handler does; `fabro_core.api.openapi`
writes the document from it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from fabro_core.api.guards import require_user
from fabro_core.api.query import QueryParams
from fabro_core.api.reply import Reply
from fabro_core.api.request import FabroRequest

if TYPE_CHECKING:
    from litestar.types import Method

OPT_KEY = "fabro_operation"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What the API document says about one method of one path."""

    id: str
    """The `operationId`, as existing clients know it."""
    tag: str
    summary: str
    answers: Mapping[int, Any]
    """Success statuses with the type of the body; None for an empty body."""
    query: type[QueryParams] | None = None
    body: Any = None
    """Type of the JSON body; None when the operation reads none."""
    errors: tuple[int, ...] = ()
    """Statuses that the operation itself may refuse with, beside those of the request pipeline (server.md S3)."""
    public: bool = False
    """Needs no credentials."""


Handler = Callable[[FabroRequest], Awaitable[Reply]]


def operation(method: Method, path: str, description: Operation) -> Callable[[Handler], HTTPRouteHandler]:
    """Make a Litestar route handler of a handler; unless it is public, only an authenticated person gets to it."""

    def decorate(handler: Handler) -> HTTPRouteHandler:
        route = HTTPRouteHandler(
            path,
            http_method=[method],
            opt={OPT_KEY: description},
            include_in_schema=False,
            operation_id=description.id,
            status_code=200,  # the Reply decides; Litestar only checks that a body is possible
        )
        return route(handler if description.public else _for_users(handler))

    return decorate


def _for_users(handler: Handler) -> Handler:
    """`handler` behind the check of credentials. Litestar's own guards copy the route handler for every request,
    which costs more than the check."""

    @functools.wraps(handler)
    async def guarded(request: FabroRequest) -> Reply:
        await require_user(request)
        return await handler(request)

    return guarded
