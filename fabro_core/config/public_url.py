"""The public URL: what people type to reach the server (server.md S1). Never taken from a request."""

from __future__ import annotations

import ipaddress
from typing import Final

from fabro_core.config.model import Server, TcpListen
from fabro_core.config.values import join_address

SOCKET_URL: Final = "http://localhost:3000"
"""What a server on a Unix socket assumes: a proxy of the same machine on the usual port."""


def public_url(server: Server, path: str = "") -> str:
    """Public origin plus prefix, without a trailing slash. A TCP listener must have its real port.

    `path` is where the server is known to be below its origin; a configured URL says that itself.
    """
    return server.web.url if server.web.url is not None else _origin(server) + path


def _origin(server: Server) -> str:
    if not isinstance(server.listen, TcpListen):
        return SOCKET_URL
    address = ipaddress.ip_address(server.listen.host)
    host = "localhost" if address.is_loopback or address.is_unspecified else server.listen.host
    return f"http://{join_address(host, server.listen.port)}"


def is_exposed_without_url(server: Server) -> bool:
    """Whether others can connect although nobody said under which URL."""
    return (
        isinstance(server.listen, TcpListen)
        and server.web.url is None
        and not ipaddress.ip_address(server.listen.host).is_loopback
    )
