"""From endpoints to a Litestar application: an ASGI route for all paths, each with a table of the methods it has.

With `litestar_caches` the only module that touches what is inside of Litestar. Routes of extensions are Litestar's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from litestar import Litestar, Router
from litestar.exceptions import HTTPException
from litestar.handlers import asgi
from litestar.openapi import OpenAPIConfig
from litestar.routes import HTTPRoute
from litestar.utils import normalize_path

from fabro_core.http.access import NOTHING_SENT
from fabro_core.http.asgi import ASGIApp, Message, Receive, Scope, Send
from fabro_core.http.body import ClientGone, announces_body
from fabro_core.http.endpoint import Endpoint, Instead
from fabro_core.http.error_replies import error_reply
from fabro_core.http.litestar_caches import LitestarCaches
from fabro_core.http.methods import MethodNotAllowed, listed
from fabro_core.http.reply import Reply
from fabro_core.http.segments import decoded, has_slash_in_segment, routable
from fabro_core.http.services import SERVICES, Services
from fabro_core.http.trace import trace_of

if TYPE_CHECKING:
    from litestar import Request
    from litestar._asgi.routing_trie.types import RouteTrieNode
    from litestar.handlers import ASGIRouteHandler
    from litestar.types import ExceptionHandler

_PARAMETER: Final = re.compile(r"\{(\w+):\w+\}")
_NOBODY: Final = Reply(NOTHING_SENT)
"""For the log: the client that it would go to has hung up amid its body."""

_EXTENSIONS: Final = "/ext/"
"""What is below gets its path as Litestar's routes do, decoded."""

_SERVE: Final = "fabro_serve"
"""Option of the core's route: what answers the requests for each path, by its template."""


class Application:
    """An ASGI application that serves these endpoints, each path of them with its prefix, and the routes of extensions.

    Litestar's router finds the route. What belongs to the core is then answered at once: of what Litestar does for
    every request before it calls an ASGI route, the core needs nothing, and it takes as long as the core's own checks.
    """

    def __init__(self, endpoints: Iterable[Endpoint], extensions: Sequence[Router], services: Services) -> None:
        by_path: dict[str, dict[str, Endpoint]] = {}
        for each in endpoints:
            known = by_path.setdefault(each.path, {}).setdefault(each.method, each)
            assert known is each, f"{each.method} {each.path} is served twice"
        serving = {path: _serving(table, services) for path, table in by_path.items()}
        self._fixed = {path: serve for path, serve in serving.items() if "{" not in path}
        """What serves each path without parameters: there is nothing to be found in it."""
        self.litestar = Litestar(
            route_handlers=[_route(serving), *extensions],
            request_max_body_size=services.max_body_bytes,
            exception_handlers={Exception: cast("ExceptionHandler[Exception]", _answer)},
            openapi_config=None,
            logging_config=None,
        )
        self.litestar.state[SERVICES] = services
        router = self.litestar.asgi_router
        _find_parameters_for_any_method(router.root_route_map_node)
        self._caches = LitestarCaches()
        self._find = self._caches.routing(router.handle_routing.__wrapped__)
        cast("Any", router).handle_routing = self._find  # for what Litestar serves whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        by_segments = has_slash_in_segment(scope.get("raw_path")) and not scope["path"].startswith(_EXTENSIONS)
        if by_segments:
            scope["path"] = routable(scope["raw_path"])
        fixed = self._fixed.get(scope["path"])
        if fixed is not None:
            scope["path_params"] = {}
            await fixed(scope, receive, send)
            return
        try:
            found = self._find(path=normalize_path(scope["path"]), method=scope["method"])
            _, handler, path, parameters, template = found
        except HTTPException:
            serve = None  # Litestar meets it again, and says what it is
        else:
            serve = handler.opt[_SERVE][template] if _SERVE in handler.opt else None
        if serve is None:
            receive = _whole_body(receive) if announces_body(scope["headers"]) else receive
            receive = self._caches.admit(scope, receive)
            await self.litestar(scope, receive, send)  # type: ignore[arg-type]  # the same scope, typed more narrowly
        else:
            scope["path"], scope["path_params"] = path, decoded(parameters) if by_segments else parameters
            await serve(scope, receive, send)


def litestar_path(path: str) -> str:
    """A path as Litestar writes it: the type of a parameter is text unless it is said."""
    return "/".join(
        f"{segment[:-1]}:str}}" if segment.startswith("{") and ":" not in segment else segment
        for segment in path.split("/")
    )


def described_routes(
    extensions: Sequence[Router], *, version: str
) -> tuple[dict[str, Any], list[tuple[str, frozenset[str], dict[str, Any]]]]:
    """Litestar's own API document of the routes of extensions, and path, methods and options of each of them."""
    config = OpenAPIConfig(title="Extensions", version=version)
    app = Litestar(route_handlers=extensions, openapi_config=config, logging_config=None)
    routes = [
        (_template(route.path_format), frozenset(map(str, handler.http_methods)), handler.opt)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
    ]
    return app.openapi_schema.to_schema(), routes


def _route(serving: Mapping[str, ASGIApp]) -> ASGIRouteHandler:
    """One for all paths: finding out about one handler a path took Litestar longer than all else that is made."""
    by_template = {_template(litestar_path(path)): serve for path, serve in serving.items()}

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await by_template[scope["path_template"]](scope, receive, send)

    return asgi([litestar_path(path) for path in serving], copy_scope=False, opt={_SERVE: by_template})(serve)


def _serving(table: Mapping[str, Endpoint], services: Services) -> ASGIApp:
    """What answers the requests for a path."""
    allow = _allowed(table.values())

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = table.get(scope["method"])
        if endpoint is None and scope["method"] == "OPTIONS":
            await Reply(204, headers=((b"allow", allow),))(scope, receive, send)
            return
        try:
            if endpoint is None or (endpoint.no_head and trace_of(scope).is_head):
                raise MethodNotAllowed(allow)
            reply = await endpoint.answer(scope, receive, services)
        except Instead as instead:
            reply = instead.reply
        except ClientGone:
            reply = _NOBODY
        except Exception as error:  # noqa: BLE001  (each becomes an answer, and what nobody foresaw a log line)
            reply = error_reply(scope, services, error)
        await reply(scope, receive, send)

    return serve


def _template(path: str) -> str:
    """A path of Litestar without the types of its parameters."""
    return _PARAMETER.sub(r"{\1}", path)


class _OfAnyMethod(dict[Any, Any]):
    """Answers with what is listed for ASGI routes, whatever the method is."""

    def __missing__(self, method: object) -> Any:
        return self["asgi"]


def _find_parameters_for_any_method(node: RouteTrieNode) -> None:
    """Litestar lists the parameters of an ASGI route under one key, and looks them up by the method of a request."""
    if node.is_asgi:
        node.path_parameters = _OfAnyMethod(node.path_parameters)
    for child in node.children.values():
        _find_parameters_for_any_method(child)


def _whole_body(receive: Receive) -> Receive:
    """Raises `ClientGone` when the client hangs up amid its body, which Litestar would take for a fault of the server;
    afterwards hanging up is a message like any other, as streams wait for it."""
    is_complete = False

    async def receive_body() -> Message:
        nonlocal is_complete
        message = await receive()
        if message["type"] == "http.disconnect" and not is_complete:
            raise ClientGone
        is_complete = is_complete or not message.get("more_body", False)
        return message

    return receive_body


def _allowed(endpoints: Iterable[Endpoint]) -> bytes:
    """The methods that a path answers otherwise than with 405 (server.md S3)."""
    methods = {"OPTIONS"}
    for endpoint in endpoints:
        methods.add(endpoint.method)
        if endpoint.method == "GET" and not endpoint.no_head:
            methods.add("HEAD")
    return listed(methods)


def _answer(request: Request[Any, Any, Any], error: Exception) -> Reply:
    """Litestar's exception handler: for paths that nobody serves, and for routes of extensions."""
    if isinstance(error, ClientGone):
        return _NOBODY
    return error_reply(cast("Scope", request.scope), request.app.state[SERVICES], error)
