"""Browser or API client? The rule of server.md S6."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

MAX_ACCEPT_BYTES: Final = 512
"""Longer than any browser's; what is longer counts as `*/*` (server.md S10)."""

_HTML = ("text/html", "application/xhtml+xml")


def prefers_html(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the `Accept` header prefers HTML. Without one, and with `*/*`, the client is an API client."""
    values = [value for name, value in headers if name == b"accept"]
    if not values:
        return False
    accept = b",".join(values)
    return len(accept) <= MAX_ACCEPT_BYTES and _prefers_html(accept.decode("latin-1"))


@lru_cache(maxsize=256)
def _prefers_html(accept: str) -> bool:
    qualities = _qualities(accept)
    html = max((qualities[name] for name in _HTML if name in qualities), default=None)
    if html is None or html == 0:
        return False
    if "application/json" in qualities:
        return html > qualities["application/json"]
    return html >= qualities.get("application/*", qualities.get("*/*", 0.0))


def _qualities(accept: str) -> dict[str, float]:
    """The q-value of every media range (RFC 9110 §12.4.2); one that cannot be read counts as 1."""
    qualities: dict[str, float] = {}
    for entry in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in entry.split(";"))
        if media_range:
            qualities[media_range] = _quality(parameters)
    return qualities


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 1.0
    return 1.0
