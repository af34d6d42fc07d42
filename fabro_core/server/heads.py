"""The head of an answer as bytes (RFC 9112 §4).

uvicorn looks at every letter of every header of every answer. Most of ours are the same each time: their lines are made
once, here; whatever else an answer carries may stem from a request, and is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from fabro_core.config.model import HSTS_SECONDS
from fabro_core.http.edge import DEFAULTS, transport_security
from fabro_core.http.reply import CONTENT_TYPES, HTML_HEADERS

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
"""A token, in lower case (RFC 9110 §5.6.2)."""
_NOT_IN_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_CLOSE: Final = b"connection: close\r\n"
_CHUNKED: Final = b"transfer-encoding: chunked\r\n"


class Head(msgspec.Struct, frozen=True, gc=False):
    """A head, and what follows from it."""

    content: bytes
    length: int | None
    """Of the body, as the answer says; None: it does not say."""
    is_chunked: bool
    """The body comes in chunks."""
    keep_alive: bool
    """The connection goes on when the answer is complete."""


def head_of(
    status: int,
    general: Iterable[tuple[bytes, bytes]],
    headers: Iterable[Sequence[bytes]],
    *,
    keep_alive: bool,
    has_body: bool,
) -> Head:
    """The head of an answer with the `general` headers of a server, which do not frame it, and its own.

    A body whose length is not among the headers comes in chunks. Raises `ValueError` for a header that would break
    the head.
    """
    lines = [STATUS_LINE[status], *[_checked_once(name, value) for name, value in general]]
    length: int | None = None
    is_chunked = says_close = False
    for header in headers:
        known = _KNOWN.get(header) if isinstance(header, tuple) else None  # ASGI allows any two bytes
        if known is not None:
            lines.append(known)
            continue
        name, value = header
        name = name.lower()
        if name == b"content-length" and length is None and not is_chunked:
            if not value.isdigit():
                raise ValueError("the length of an answer is no number")
            length = int(value)
            lines.append(b"content-length: %b\r\n" % value)
            continue
        if name == b"transfer-encoding" and value.lower() == b"chunked":
            length, is_chunked = None, True
        elif name == b"connection" and b"close" in [option.strip() for option in value.lower().split(b",")]:
            says_close = True
        lines.append(_checked(name, value))
    if not keep_alive and not says_close:
        lines.append(_CLOSE)
    if length is None and not is_chunked and has_body:
        is_chunked = True
        lines.append(_CHUNKED)
    lines.append(b"\r\n")
    return Head(b"".join(lines), length, is_chunked, keep_alive and not says_close)


def _checked(name: bytes, value: bytes) -> bytes:
    if name not in _USUAL and not _NAME.fullmatch(name):
        raise ValueError("the name of a header of an answer is malformed")
    # Nearly every value is plain text, and what finds that out takes half as long as looking for what it must not have.
    if not value.decode("latin-1").isprintable() and _NOT_IN_VALUE.search(value):
        raise ValueError(f"the value of the header {name!r} of an answer is malformed")
    return b"%b: %b\r\n" % (name, value)


_USUAL: Final = frozenset({b"date", b"x-request-id"})
_checked_once: Final = lru_cache(maxsize=16)(_checked)
"""For headers that change once a second, at most."""
_KNOWN: Final = {
    (name, value): _checked(name, value)
    for name, value in (
        *DEFAULTS,
        transport_security(seconds=HSTS_SECONDS, subdomains=False),
        *CONTENT_TYPES,
        *HTML_HEADERS,
    )
}
