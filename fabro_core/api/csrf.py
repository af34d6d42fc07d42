"""Requests that a foreign page makes a browser send with its cookies (auth.md A7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from fabro_core.errors import Refusal

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Change nothing (RFC 9110 §9.2.1)."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ALLOWED_SITES: Final = frozenset({b"same-origin", b"none"})


class CrossSiteRequest(Refusal):
    """403: the request comes from a page of somebody else."""

    def __init__(self) -> None:
        super().__init__("Cross-site request rejected.", code="csrf_rejected")


class Origin(NamedTuple):
    """An origin in a form that compares: lower case, the port always there, one name for the loopback interface."""

    scheme: str
    host: str
    port: int


def origin_of(url: str) -> Origin | None:
    """The origin of an http(s) URL, or of an `Origin` header; None for anything else, `null` included."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    host = "localhost" if parts.hostname in _LOOPBACK else parts.hostname
    return Origin(parts.scheme, host, _DEFAULT_PORTS[parts.scheme] if port is None else port)


def refuse_cross_site(headers: Iterable[tuple[bytes, bytes]], own: Origin | None) -> None:
    """Refuse a request that changes something unless our own page, or no page at all, sent it.

    Raises `CrossSiteRequest`.
    """
    found = {name: value for name, value in headers if name in (b"sec-fetch-site", b"origin", b"referer")}
    site = found.get(b"sec-fetch-site")
    if site is not None:
        allowed = site in _ALLOWED_SITES
    elif (origin := found.get(b"origin")) is not None:
        allowed = own is not None and origin_of(origin.decode("latin-1")) == own
    else:
        allowed = b"referer" not in found
    if not allowed:
        raise CrossSiteRequest
