"""Sends browsers to the one host that cookies and identity providers know (server.md S12)."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from fabro_core.http.accept import prefers_html
from fabro_core.http.asgi import ASGIApp, Receive, Scope, Send
from fabro_core.http.origins import Origin, origin_of
from fabro_core.http.reply import Reply

_PAGES: Final = ("/login", "/runs", "/account")
_SIGN_IN: Final = ("/auth/login", "/auth/callback", "/auth/cli/start", "/auth/cli/resume")
"""Set cookies that the browser has to bring back to the very host that the identity provider returns it to."""

_API: Final = "/api/"
"""No page is below it, so that its requests cost one comparison."""


class CanonicalHost:
    """Wraps the application. Nothing is built from the `Host` header: it decides only whether to redirect."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._public_url = public_url
        origin = origin_of(public_url)
        assert origin is not None, "the public URL has been checked"
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET" and not scope["path"].startswith(_API) and self._is_elsewhere(scope):
            query = scope["query_string"].decode("latin-1")
            target = self._public_url + quote(scope["path"]) + (f"?{query}" if query else "")
            location = (b"location", target.encode("latin-1"))
            await Reply(308, headers=(location,))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_elsewhere(self, scope: Scope) -> bool:
        """Whether the request is for a page, and asks another host for it."""
        path = scope["path"]
        if _is_below(path, _SIGN_IN):
            asked = self._asked_origin(scope)
            return asked is not None and asked != self._origin
        if (path == "/" or _is_below(path, _PAGES)) and prefers_html(scope["headers"]):
            asked = self._asked_origin(scope)
            return asked is not None and asked.on_this_machine != self._origin.on_this_machine
        return False

    def _asked_origin(self, scope: Scope) -> Origin | None:
        """The origin that the `Host` header means; None without a header that names any."""
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        return origin_of(f"{self._origin.scheme}://{host.decode('latin-1')}")


def _is_below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)
