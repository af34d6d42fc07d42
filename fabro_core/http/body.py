"""Request bodies: read within the limit, judged by content type, decoded into a type (server.md S3, runs.md R1.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

import msgspec

from fabro_core.errors import InvalidRequest, Refusal, Unprocessable
from fabro_core.http.asgi import Receive, Scope
from fabro_core.models.client_text import json_text_of
from fabro_core.models.type_faults import type_fault

T = TypeVar("T")

_LENGTH_DIGITS: Final = 18
"""Of a length that is believed: a reader of more digits would take its time over them."""


class UnsupportedMediaType(Refusal):
    """The body is by its content type not what the operation reads: 415."""

    def __init__(self, expected: str = "application/json") -> None:
        super().__init__(f"The request body must be {expected}.", code="unsupported_media_type")


class BodyTooLarge(Refusal):
    """The body is longer than the operation takes: 413 (server.md S10)."""

    def __init__(self) -> None:
        super().__init__("The request body is too large.", code="body_too_large")


class ClientGone(Exception):
    """The client has hung up amid its body: there is nobody to answer."""


class Incoming:
    """The body of a request that has not been read."""

    def __init__(self, scope: Scope, receive: Receive, max_bytes: int) -> None:
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive
        self._max_bytes = max_bytes

    @property
    def content_type(self) -> bytes:
        """The header as it came; empty without one."""
        return _header(self.headers, b"content-type") or b""

    @property
    def length(self) -> int | None:
        """The length that the request announces, in bytes; None when it does not."""
        announced = _header(self.headers, b"content-length") or b""
        return int(announced) if announced.isdigit() and len(announced) <= _LENGTH_DIGITS else None

    async def read(self) -> bytes:
        """The whole body. Raises `BodyTooLarge` or `ClientGone`."""
        pieces = [piece async for piece in self.stream()]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def stream(self) -> AsyncIterator[bytes]:
        """The pieces of the body. Raises as `read` does, as soon as it is known."""
        if (self.length or 0) > self._max_bytes:
            raise BodyTooLarge
        total = 0
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            total += len(piece)
            if total > self._max_bytes:
                raise BodyTooLarge
            if piece:
                yield piece


async def read_json(incoming: Incoming) -> bytes:
    """The whole body, not decoded yet: size and content type are judged before the path is (runs.md R1.3).

    A body without a content type counts as JSON. Raises `UnsupportedMediaType`, and what `Incoming.read` does.
    """
    body = await incoming.read()
    media_type = media_type_of(incoming.headers)
    if body and media_type is not None and not is_json(media_type):
        raise UnsupportedMediaType
    return body


def decode_json(body: bytes, kind: type[T], *, unprocessable: bool = False) -> T:
    """Decode a JSON body strictly. Raises `InvalidRequest` with the place of the first fault; when it is JSON all the
    same, `Unprocessable` if that is told apart."""
    if not body:
        raise InvalidRequest("A JSON body is required.")
    try:
        text = json_text_of(body)  # the decoder would not look into values that it skips
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        refusal = Unprocessable if unprocessable else InvalidRequest
        raise refusal(f"The request body is not valid: {type_fault(error).line()}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest("The request body is not valid JSON.") from error
    except RecursionError as error:
        raise InvalidRequest("The request body is nested too deeply.") from error


def decode_optional_json(body: bytes, kind: type[T]) -> T:
    """`decode_json` for a body that may be empty: then `kind` without members (runs.md R1.4)."""
    return decode_json(body or b"{}", kind)


def media_type_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The media type of a request's body in lower case, without parameters; None when the request names none."""
    content_type = _header(headers, b"content-type")
    return None if content_type is None else content_type.split(b";", 1)[0].strip().lower()


def announces_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request says that it has a body (RFC 9112 §6)."""
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)


def is_json(media_type: bytes) -> bool:
    """Whether a media type is JSON (RFC 6839 §3.1)."""
    return media_type == b"application/json" or (
        media_type.startswith(b"application/") and media_type.endswith(b"+json")
    )


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    for name, value in headers:
        if name == wanted:
            return value
    return None
