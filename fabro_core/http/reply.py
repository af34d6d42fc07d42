"""The one kind of response the API sends: a status, bytes, and a few headers, with nothing computed on the way."""

from __future__ import annotations

from typing import Any

import msgspec

from fabro_core.http.asgi import Receive, Scope, Send

RawHeaders = tuple[tuple[bytes, bytes], ...]

JSON_TYPE: tuple[bytes, bytes] = (b"content-type", b"application/json")
OCTETS_TYPE: tuple[bytes, bytes] = (b"content-type", b"application/octet-stream")
SVG = "image/svg+xml"
SVG_TYPE: tuple[bytes, bytes] = (b"content-type", SVG.encode())
CONTENT_TYPES: RawHeaders = (JSON_TYPE, OCTETS_TYPE, SVG_TYPE)
HTML_HEADERS: RawHeaders = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
"""What only pages carry (server.md S11)."""

BODILESS = frozenset({204, 304})


class Reply:
    """A complete response. `headers` come on top of what every response carries (server.md S11)."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: RawHeaders = ()) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*self.headers]
        if self.status not in BODILESS:
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})

    def to_asgi_response(self, *_: Any, **__: Any) -> Reply:
        """Itself; Litestar asks the answer of an exception handler for this."""
        return self


def json_bytes(body: bytes, status: int = 200, headers: RawHeaders = ()) -> Reply:
    """An answer whose JSON is encoded already."""
    return Reply(status, body, (JSON_TYPE, *headers))


def json_reply(content: object, status: int = 200, headers: RawHeaders = ()) -> Reply:
    """An answer that is encoded now."""
    return json_bytes(msgspec.json.encode(content), status, headers)


def picture(svg: bytes) -> Reply:
    """A picture that was drawn already."""
    return Reply(200, svg, (SVG_TYPE,))


def octets(content: bytes, headers: RawHeaders = ()) -> Reply:
    """Bytes that nobody here looks into, whatever they are."""
    return Reply(200, content, (OCTETS_TYPE, *headers))


def html_reply(page: bytes, status: int = 200, headers: RawHeaders = ()) -> Reply:
    """A page."""
    return Reply(status, page, (*HTML_HEADERS, *headers))


def no_content(*headers: tuple[bytes, bytes]) -> Reply:
    return Reply(204, headers=headers)


def see_other(location: str, *headers: tuple[bytes, bytes]) -> Reply:
    """303: go and GET `location`, an absolute path that includes the public prefix, or the URL of another site."""
    return Reply(303, headers=((b"location", location.encode("ascii")), *headers))
