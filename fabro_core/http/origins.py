"""Web origins, compared (RFC 6454 §4)."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """An origin in a form that compares: lower case, the port always there."""

    scheme: str
    host: str
    port: int

    @property
    def on_this_machine(self) -> Origin:
        """The same with one name for the loopback interface, where the names of it do not matter."""
        return self._replace(host="localhost") if self.host in _LOOPBACK else self


def origin_of(url: str) -> Origin | None:
    """The origin of an http(s) URL, or of an `Origin` header; None for anything else, `null` included."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    return Origin(parts.scheme, parts.hostname, _DEFAULT_PORTS[parts.scheme] if port is None else port)
