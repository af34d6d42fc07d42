"""OPTIONS for every route: 204 with a complete `Allow`, no credentials, no CORS (server.md S3).

Litestar answers OPTIONS too, but lists only the methods of the handler that was registered first for a path.
"""

from __future__ import annotations

import re

from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.utils import normalize_path

from fabro_core.http.asgi import Receive, Scope, Send
from fabro_core.http.reply import Reply

NO_HEAD = "fabro_no_head"
"""Option of a route handler whose GET does not come with HEAD (server.md S3)."""

ALLOW_OF_STREAMS = b"GET, OPTIONS"

_PARAMETER = re.compile(r"\\\{\w+(?::(\w+))?\\\}")


class AnswerOptions:
    """Wraps the Litestar application; every method but OPTIONS goes through."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        methods: dict[str, set[str]] = {}
        for route in app.routes:
            if isinstance(route, HTTPRoute):
                methods.setdefault(route.path_format, set()).update(_answered(route))
        fixed_paths_first = sorted(methods, key=lambda path: path.count("{"))  # as Litestar routes
        self._allowed = [(_pattern(path), _listed(methods[path])) for path in fixed_paths_first]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            path = normalize_path(scope["path"])
            for pattern, allow in self._allowed:
                if pattern.fullmatch(path):
                    await Reply(204, headers=((b"allow", allow),))(scope, receive, send)
                    return
        await self._app(scope, receive, send)  # type: ignore[arg-type]  # Litestar types the same scope more narrowly


def allow_header(methods: set[str]) -> bytes:
    """The value of `Allow`; HEAD comes with GET."""
    return _listed(methods | {"HEAD"} if "GET" in methods else methods)


def _answered(route: HTTPRoute) -> set[str]:
    """The methods that a route answers otherwise than with 405."""
    methods = {str(method) for method in route.methods}
    with_head = any("GET" in each.http_methods and NO_HEAD not in each.opt for each in route.route_handlers)
    return methods | {"HEAD"} if with_head else methods


def _listed(methods: set[str]) -> bytes:
    return ", ".join(sorted(methods)).encode("ascii")


def _pattern(path_format: str) -> re.Pattern[str]:
    """A regular expression for a Litestar path; a parameter of type `path` spans several segments."""
    return re.compile(_PARAMETER.sub(lambda match: ".+" if match[1] == "path" else "[^/]+", re.escape(path_format)))
