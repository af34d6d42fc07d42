"""TCP ports for servers that have to be told theirs before they listen, or that come back to it."""

from __future__ import annotations

import errno
import secrets
import socket
from typing import Final

PORTS: Final = range(10_000, 32_768)
"""Linux takes those of outgoing connections from above: such a connection would keep a server that was stopped for a
moment from listening again."""


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now."""
    while True:
        port = secrets.choice(PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return port
