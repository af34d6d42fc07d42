"""Routes of extensions: only below `/ext/<plugin>/`, and for authenticated callers unless a handler says otherwise
with `opt={"public": True}` (server.md S2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, cast

from litestar import Router
from litestar.config.app import AppConfig
from litestar.handlers import BaseRouteHandler

from fabro_core.auth.caller import User
from fabro_core.context import Problem
from fabro_core.errors import StartupError
from fabro_core.http.asgi import Scope
from fabro_core.http.guards import Guard, admit
from fabro_core.http.services import SERVICES
from fabro_core.http.trace import SCOPE_KEY, trace_of

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.types import ControllerRouterHandler

PUBLIC_OPT = "public"

AppInit = tuple[str, Callable[[AppConfig], None]]
"""A plugin's name and its `fabro_app_init`."""


def caller_of(request: ASGIConnection[Any, Any, Any, Any]) -> User:
    """Who makes a request to a route of an extension: in its handlers, and in guards and dependencies of its own.

    Always a person, however they are signed in: the core has answered 401 to workers and to everybody else before.
    Raises `LookupError` where credentials are not looked at, which is on routes with `opt={"public": True}`.
    """
    trace = trace_of(request.scope) if SCOPE_KEY in request.scope else None
    if trace is None or trace.auth_status != "authenticated" or not isinstance(trace.caller, User):
        raise LookupError("nobody has been asked for credentials: the route is public, or is none of an extension")
    return trace.caller


def extension_routers(app_inits: Sequence[AppInit]) -> list[Router]:
    """The routes that plugins add. Raises `StartupError` naming every route that is not below its plugin's path."""
    routers: list[Router] = []
    problems: list[Problem] = []
    for name, init in app_inits:
        config = AppConfig()
        init(config)
        router = Router("/", route_handlers=own_handlers(config.route_handlers), guards=[_require_user_unless_public])
        home = f"/ext/{name}"
        problems += [
            Problem(path=name, message=f"the route {route.path} is not below {home}/; move it there")
            for route in router.routes
            if route.path != home and not route.path.startswith(f"{home}/")
        ]
        routers.append(router)
    if problems:
        raise StartupError(problems)
    return routers


def own_handlers(handlers: Iterable[ControllerRouterHandler]) -> list[ControllerRouterHandler]:
    """Copies of route handlers for one application. Litestar notes in a handler where it was registered last, which
    would tie servers of one process together and keep the last of them alive."""
    return [copy(handler) if isinstance(handler, BaseRouteHandler) else handler for handler in handlers]


async def _require_user_unless_public(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    if not handler.opt.get(PUBLIC_OPT, False):
        await admit(Guard.USER, cast("Scope", connection.scope), connection.app.state[SERVICES])
