"""What people and programs send to sign in: few, short fields, as JSON or as a page's form (server.md S10).

Nobody has shown who they are yet, so bytes and fields are bounded before anything is made of them.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

from fabro_core.errors import InvalidRequest
from fabro_core.http.body import Incoming, UnsupportedMediaType, decode_json, is_json, media_type_of
from fabro_core.models.client_text import refuse_nul

MAX_SIGN_IN_BYTES: Final = 16_384
"""Of the body of a request below `/auth`; the bound of its endpoint."""

MAX_FIELDS: Final = 32

FORM: Final = "application/x-www-form-urlencoded"


async def read_fields(incoming: Incoming) -> dict[str, Any]:
    """The fields of a form, or the members of a JSON object. A body without a content type counts as JSON.

    Raises `UnsupportedMediaType`, `InvalidRequest`, and what `Incoming.read` does.
    """
    body = await incoming.read()
    media_type = media_type_of(incoming.headers)
    if media_type == FORM.encode():
        return decode_form(body)
    if body and media_type is not None and not is_json(media_type):
        raise UnsupportedMediaType
    members = decode_json(body, dict[str, Any])
    if len(members) > MAX_FIELDS:
        raise _too_many()
    return members


def decode_form(body: bytes) -> dict[str, str]:
    """The fields of a URL-encoded form. Raises `InvalidRequest` for one that is malformed, has too many fields or one
    of them twice."""
    if body.count(b"&") >= MAX_FIELDS:
        raise _too_many()
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict")
    except ValueError as error:
        raise InvalidRequest("The request body is not a valid form.") from error
    refuse_nul("The form", (text for pair in pairs for text in pair))
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise InvalidRequest("A field of the form is given twice.")
    return fields


def _too_many() -> InvalidRequest:
    return InvalidRequest(f"The request body has more than {MAX_FIELDS} fields.")
