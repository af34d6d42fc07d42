"""The outermost ASGI layer: what holds for every response, whoever made it (server.md S3 steps 1 and 2, S4, S11).

It sits outside Litestar so that 404s, 405s, 500s and answers before the start carry the same headers as the rest.
"""

from __future__ import annotations

from time import perf_counter

from fabro_core.api.access import log_request
from fabro_core.api.problems import Problem, envelope, not_started
from fabro_core.api.trace import SCOPE_KEY, Trace
from fabro_core.asgi import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode("ascii")),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_DEFAULT_NAMES = frozenset(name for name, _ in _ALWAYS)

NOT_STARTED = "The server has not been started. Enter it with: async with fabro.lifespan(): ..."


class Edge:
    """Wraps the application. `started` says whether its lifespan has been entered."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._defaults = (*_ALWAYS, _HSTS) if https else _ALWAYS
        self.started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _refuse_websocket(receive, send)
            return
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        trace = Trace()
        status = 500
        is_head = scope["method"] == "HEAD"
        request_id = (b"x-request-id", trace.request_id.encode("ascii"))

        async def send_finished(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*self._with_defaults(list(message["headers"])), request_id]
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        inner = _inner_scope(scope, trace, is_head=is_head)
        try:
            if self.started:
                await self._app(inner, receive, send_finished)
            else:
                await self._answer(not_started(NOT_STARTED), trace, inner, receive, send_finished)
        finally:
            log_request(scope, trace, status, began)

    def _with_defaults(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """A header that an operation sets wins over the default of the same name."""
        own = _DEFAULT_NAMES.intersection([name for name, _ in headers])
        if own:
            return [*headers, *(default for default in self._defaults if default[0] not in own)]
        return [*headers, *self._defaults]

    async def _answer(self, problem: Problem, trace: Trace, scope: Scope, receive: Receive, send: Send) -> None:
        await envelope(problem, trace.request_id)(scope, receive, send)


def _inner_scope(scope: Scope, trace: Trace, *, is_head: bool) -> Scope:
    """The scope as the application sees it: HEAD is a GET without a body, and no mount prefix in the path.

    A prefix is removed only when the path really starts with it: proxies and frameworks differ in whether
    `root_path` is part of `path` (server.md S13).
    """
    path, root_path = scope["path"], scope.get("root_path") or ""
    inside = bool(root_path) and (path == root_path or path.startswith(f"{root_path.rstrip('/')}/"))
    inner: Scope = {**scope, SCOPE_KEY: trace, "root_path": ""}
    if inside:
        inner["path"] = path.removeprefix(root_path.rstrip("/")) or "/"
    if is_head:
        inner["method"] = "GET"
    return inner


async def _refuse_websocket(receive: Receive, send: Send) -> None:
    """There are no WebSockets here; closing before accepting answers 403 on every ASGI server."""
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": "no such route"})
