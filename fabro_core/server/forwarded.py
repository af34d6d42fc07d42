"""The client's address behind a trusted proxy (server.md S13)."""

from __future__ import annotations

from fabro_core.config.proxies import SOCKET_PEER, TrustedProxies
from fabro_core.http.asgi import ASGIApp, Receive, Scope, Send


class ForwardedClient:
    """Replaces the scope's `client` by what a trusted proxy says in `X-Forwarded-For`, and nothing else."""

    def __init__(self, app: ASGIApp, proxies: TrustedProxies) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        client = scope.get("client")
        peer = client[0] if client else SOCKET_PEER
        if values and self._proxies.trusts(peer):
            scope = {**scope, "client": (self._proxies.client(peer, ",".join(values)), 0)}
        await self._app(scope, receive, send)
