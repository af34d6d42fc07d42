"""Which revision a change is for, and which one an answer shows: `If-Match` and `ETag` (resources.md X5, RFC 9110)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fabro_core.errors import InvalidRequest, Refusal
from fabro_core.http.path import Digest
from fabro_core.models.ids import parse_digest

IF_MATCH: Final = "If-Match"
_DIGITS: Final = 64


class PreconditionRequired(Refusal):
    """The request does not say which revision it is for: 428."""

    def __init__(self) -> None:
        super().__init__(f"{IF_MATCH} is required, with the revision that is to be changed.")


def required_revision(headers: Iterable[tuple[bytes, bytes]]) -> Digest:
    """The revision that a request is for. Raises `PreconditionRequired` or `InvalidRequest`."""
    values = [value for name, value in headers if name == b"if-match"]
    if not values:
        raise PreconditionRequired
    text = values[0].strip().decode("latin-1")
    if len(text) == _DIGITS + 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    revision = parse_digest(text)
    if len(values) > 1 or revision is None:
        raise InvalidRequest(f"{IF_MATCH} is not one revision, which is 64 hex digits, in quotes or not.")
    return Digest(revision)


def etag(revision: str) -> tuple[bytes, bytes]:
    """The header that shows a revision; a strong one."""
    return b"etag", f'"{revision}"'.encode("ascii")
