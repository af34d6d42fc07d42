"""Operations: a Litestar handler together with what the API document says about it.

Core handlers parse their input by the protocol's own rules and answer bytes that are often stored encoded, so their
signatures do not tell what goes over the wire. The `Operation` beside each handler does; `fabro_core.api.openapi`
writes the document from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from fabro_core.api.guards import require_user
from fabro_core.api.query import QueryParams

if TYPE_CHECKING:
    from litestar.types import AsyncAnyCallable, Method

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


def operation(method: Method, path: str, description: Operation) -> Callable[[AsyncAnyCallable], HTTPRouteHandler]:
    """Make a handler of an `async def handler(request) -> Reply`."""

    def decorate(handler: AsyncAnyCallable) -> HTTPRouteHandler:
        route = HTTPRouteHandler(
            path,
            http_method=[method],
            guards=[] if description.public else [require_user],
            opt={OPT_KEY: description},
            include_in_schema=False,
            operation_id=description.id,
            status_code=200,  # the Reply decides; Litestar only checks that a body is possible
        )
        return route(handler)

    return decorate
