"""Routes for people who have signed in with a browser: who gets through, and where everybody else is sent.

Pages answer browsers alone; for programs there is no such route (server.md S2).
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler, get, post

from fabro_core.auth.refusals import Unauthenticated
from fabro_core.http.accept import prefers_html
from fabro_core.http.guards import Guard, admit
from fabro_core.http.reply import Reply, see_other
from fabro_core.http.request import FabroRequest
from fabro_core.web.pages import Viewer

Handler = Callable[[FabroRequest], Awaitable[Reply]]
Decorator = Callable[[Handler], HTTPRouteHandler]

_BROWSER: Final = "browser"


def page(path: str) -> Decorator:
    """Make the route of a page. Without a usable session the way leads to the login page and back here."""

    def decorate(handler: Handler) -> HTTPRouteHandler:
        return get(path, include_in_schema=False)(_for_people(handler, _address))

    return decorate


def form_target(path: str, *, of_page: str) -> Decorator:
    """Make the route that a form of a page is sent to; forms of other sites are refused (auth.md A7).

    Without a usable session the way leads to the login page and back to `of_page`: what the form said is forgotten.
    """

    def decorate(handler: Handler) -> HTTPRouteHandler:
        return post(path, include_in_schema=False)(_for_people(handler, lambda request: of_page))

    return decorate


def viewer_of(request: FabroRequest) -> Viewer:
    """The person who looks at the page."""
    user = request.user
    option = request.services.auth.options.get(user.method)
    return Viewer(user.identity.login, user.method if option is None else option.label)


def _for_people(handler: Handler, return_to: Callable[[FabroRequest], str]) -> Handler:
    @functools.wraps(handler)
    async def for_people(request: FabroRequest) -> Reply:
        if not prefers_html(request.scope["headers"]):
            raise NotFoundException
        if await _has_session(request):
            return await handler(request)
        prefix = request.services.public_prefix
        return see_other(f"{prefix}/login?return_to={quote(prefix + return_to(request), safe='/')}")

    return for_people


async def _has_session(request: FabroRequest) -> bool:
    """Raises what `admit` does for people whose session is usable."""
    try:
        await admit(request, Guard.USER)
    except Unauthenticated:
        return False
    session = request.user.session
    return session is not None and session.kind == _BROWSER


def _address(request: FabroRequest) -> str:
    """Path and query, as they were asked for."""
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"]) + (f"?{query}" if query else "")
