"""Request bodies: read within the limit, judged by content type, decoded into a Struct (server.md S3, runs.md R1.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fabro_core.errors import InvalidRequest, Refusal

if TYPE_CHECKING:
    from litestar import Request

T = TypeVar("T")


class UnsupportedMediaType(Refusal):
    """The body is by its content type not what the operation reads: 415."""

    def __init__(self, expected: str = "application/json") -> None:
        super().__init__(f"The request body must be {expected}.", code="unsupported_media_type")


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The whole body, of any content type. Too large a body is refused while it is read (413)."""
    return await request.body()


async def read_json_body(request: Request[Any, Any, Any]) -> bytes:
    """The whole body, not decoded yet: size and content type are judged before the path is (runs.md R1.3).

    A body without a content type counts as JSON. Raises `UnsupportedMediaType`.
    """
    body = await read_body(request)
    media_type = media_type_of(request.scope["headers"])
    if body and media_type is not None and not is_json(media_type):
        raise UnsupportedMediaType
    return body


async def read_json(request: Request[Any, Any, Any], kind: type[T]) -> T:
    """The JSON body as `kind`, for operations without anything in the path.

    Raises `UnsupportedMediaType`, or `InvalidRequest` for anything that is not valid JSON of this shape.
    """
    return decode_json(await read_json_body(request), kind)


def decode_json(body: bytes, kind: type[T]) -> T:
    """Decode a JSON body strictly. Raises `InvalidRequest` with the place of the first fault."""
    if not body:
        raise InvalidRequest("A JSON body is required.")
    try:
        text = body.decode()  # the decoder would not look into values that it skips
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The request body is not valid: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest("The request body is not valid JSON.") from error
    except RecursionError as error:
        raise InvalidRequest("The request body is nested too deeply.") from error


def decode_optional_json(body: bytes, kind: type[T]) -> T:
    """`decode_json` for a body that may be empty: then `kind` without members (runs.md R1.4)."""
    return decode_json(body or b"{}", kind)


def media_type_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The media type of a request's body in lower case, without parameters; None when the request names none."""
    for name, value in headers:
        if name == b"content-type":
            return value.split(b";", 1)[0].strip().lower()
    return None


def is_json(media_type: bytes) -> bool:
    """Whether a media type is JSON (RFC 6839 §3.1)."""
    return media_type == b"application/json" or (
        media_type.startswith(b"application/") and media_type.endswith(b"+json")
    )
