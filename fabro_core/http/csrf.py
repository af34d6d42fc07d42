"""Requests that a foreign page makes a browser send with its cookies (auth.md A7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fabro_core.errors import Refusal
from fabro_core.http.origins import Origin, origin_of

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Change nothing (RFC 9110 §9.2.1)."""

_ALLOWED_SITES: Final = frozenset({b"same-origin", b"none"})


class CrossSiteRequest(Refusal):
    """403: the request comes from a page of somebody else."""

    def __init__(self) -> None:
        super().__init__("Cross-site request rejected.", code="csrf_rejected")


def refuse_cross_site(headers: Iterable[tuple[bytes, bytes]], own: Origin | None) -> None:
    """Refuse a request that changes something unless our own page, or no page at all, sent it.

    Raises `CrossSiteRequest`.
    """
    found = {name: value for name, value in headers if name in (b"sec-fetch-site", b"origin", b"referer")}
    site = found.get(b"sec-fetch-site")
    if site is not None:
        allowed = site in _ALLOWED_SITES
    elif (origin := found.get(b"origin")) is not None:
        named = origin_of(origin.decode("latin-1"))
        allowed = named is not None and own is not None and named.on_this_machine == own.on_this_machine
    else:
        allowed = b"referer" not in found
    if not allowed:
        raise CrossSiteRequest


def refuse_foreign_navigation(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse to go where a page of another site leads to. A person who types or opens an address, and a browser that
    does not say, is let through. Raises `CrossSiteRequest`."""
    if any(name == b"sec-fetch-site" and value not in _ALLOWED_SITES for name, value in headers):
        raise CrossSiteRequest


def refuse_embedding(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse what a page of another site loads as a part of itself, or ahead of time. A browser that goes there with
    its window is let through, as it does when it comes back from an identity provider. Raises `CrossSiteRequest`."""
    found = dict(headers)
    foreign = found.get(b"sec-fetch-site", b"none") not in _ALLOWED_SITES
    if foreign and (found.get(b"sec-fetch-dest", b"document") != b"document" or b"sec-purpose" in found):
        raise CrossSiteRequest
