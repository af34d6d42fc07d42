"""The outermost ASGI layer: what holds for every response, whoever made it (server.md S3 steps 1 and 2, S4, S11).

It sits outside Litestar so that 404s, 405s, 500s and answers before the start carry the same headers as the rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import Final

from fabro_core.http.access import NOTHING_SENT, RequestLog, log_request
from fabro_core.http.asgi import SERVER_SEND, ASGIApp, Message, Receive, Scope, Send
from fabro_core.http.failures import PATH_TOO_LONG, UNFORESEEN, Failure, draining, envelope, not_started
from fabro_core.http.mount import below_root_path
from fabro_core.http.trace import SCOPE_KEY, Trace

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
DEFAULTS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode("ascii")),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_DEFAULT_NAMES = frozenset(name for name, _ in DEFAULTS)

REQUEST_GRACE_SECONDS: Final = 5
"""What requests under way get to finish before the store is closed (server.md S23)."""

MAX_PATH_BYTES: Final = 4096
"""Of a path, percent-encoded as it came (server.md S10)."""

NOT_STARTED = "The server has not been started. Enter it with: async with fabro.lifespan(): ..."

log = logging.getLogger("fabro.api")


class Edge:
    """Wraps the application, which answers while `serving()` is entered."""

    def __init__(self, app: ASGIApp, *further: tuple[bytes, bytes]) -> None:
        """`further` are headers of every response besides those that are the same for all servers."""
        self._app = app
        self._defaults = (*DEFAULTS, *further)
        self._refusal: Failure | None = not_started(NOT_STARTED)
        """What every request is answered with; None: the application answers."""
        self.request_log: RequestLog = log_request
        self._under_way = 0
        self._idle: asyncio.Event | None = None
        """Set when no request is under way; None while nobody waits for that."""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Let the application answer. At the end new requests are refused and those under way finish, in bounded
        time, so that nothing uses a store that is closed."""
        self._refusal = None
        try:
            yield
        finally:
            self._refusal = draining()
            try:
                await self._finish_requests()
            finally:
                self._refusal = not_started(NOT_STARTED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _refuse_websocket(receive, send)
            return
        refusal = self._refusal
        if refusal is None and len(scope.get("raw_path") or scope["path"]) > MAX_PATH_BYTES:
            refusal = PATH_TOO_LONG
        await self._serve(refusal, scope, receive, send)

    def refusing(self, failure: Failure) -> ASGIApp:
        """An application that answers every request with `failure`: for a listener that could not make a request of
        what it was sent, and answers it like any other."""

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            await self._serve(failure, scope, receive, send)

        return refuse

    async def _serve(self, refusal: Failure | None, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        is_head = scope["method"] == "HEAD"
        trace = Trace(is_head=is_head)
        status = NOTHING_SENT

        async def send_finished(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._finished(message["headers"], trace)
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        self._under_way += 1
        try:
            if refusal is None:
                await self._app(_inner_scope(scope, trace, send), receive, send_finished)
            else:
                await envelope(refusal, trace.request_id)(scope, receive, send_finished)
        except Exception as error:
            if status != NOTHING_SENT:
                raise
            log.error("request %s failed", trace.request_id, exc_info=error)
            await envelope(UNFORESEEN, trace.request_id)(scope, receive, send_finished)
        finally:
            self._under_way -= 1
            if self._idle is not None and not self._under_way:
                self._idle.set()
            self.request_log(scope, trace, status, began)

    def _finished(self, headers: Iterable[tuple[bytes, bytes]], trace: Trace) -> list[tuple[bytes, bytes]]:
        """A header that an operation sets wins over the default of the same name."""
        own = [*headers]
        defaults: Iterable[tuple[bytes, bytes]] = self._defaults
        if not _DEFAULT_NAMES.isdisjoint([name for name, _ in own]):
            names = {name for name, _ in own}
            defaults = [default for default in defaults if default[0] not in names]
        return [*own, *defaults, (b"x-request-id", trace.request_id.encode("ascii"))]

    async def _finish_requests(self) -> None:
        if not self._under_way:
            return
        self._idle = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(REQUEST_GRACE_SECONDS):
                await self._idle.wait()
        self._idle = None


def transport_security(*, seconds: int, subdomains: bool) -> tuple[bytes, bytes]:
    """The header that has browsers come with https alone for some time (RFC 6797 §6.1)."""
    return (b"strict-transport-security", f"max-age={seconds}{'; includeSubDomains' if subdomains else ''}".encode())


def _inner_scope(scope: Scope, trace: Trace, send: Send) -> Scope:
    """The scope as the application sees it: HEAD is a GET without a body, no prefix in the path, and a state of its
    own, since a Litestar host keeps in there what the application would take for its own."""
    inner: Scope = {**below_root_path(scope), SCOPE_KEY: trace, SERVER_SEND: send, "root_path": "", "state": {}}
    if not inner["path"].startswith("/"):  # below a Litestar mount at the root
        inner["path"] = "/" + inner["path"]
    if trace.is_head:
        inner["method"] = "GET"
    return inner


async def _refuse_websocket(receive: Receive, send: Send) -> None:
    """There are no WebSockets here; closing before accepting answers 403 on every ASGI server."""
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": "no such route"})
