"""Operations: endpoints of the API, each with what the API document says about it.

What an operation reads is in the signature of its handler, and what it answers in its declaration, since answers are
often bytes that were stored encoded. `fabro_core.http.openapi` writes the document from both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import msgspec

from fabro_core.http.body import Incoming
from fabro_core.http.call import Body, Path, Query
from fabro_core.http.endpoint import Endpoint, Gate, Handler, Receiver, Signature, endpoint, signature_of
from fabro_core.http.guards import Guard, admit
from fabro_core.http.path import PathParams
from fabro_core.http.query import QueryParams

EVENT_STREAM = "text/event-stream"
JSON = "application/json"


class Either(msgspec.Struct, frozen=True):
    """Bodies of one status; the query decides which of them is answered."""

    kinds: tuple[Any, ...]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What the API document says about one method of one path."""

    id: str
    """The `operationId`, as existing clients know it."""
    tag: str
    summary: str
    answers: Mapping[int, Any]
    """Success statuses with the type of the body, or `Either`; None for an empty body."""
    media_type: str
    """Of the success answers that have a body."""
    path: type[PathParams] | None
    query: type[QueryParams] | None
    body: Any
    """Type of the JSON body; None when the operation reads none."""
    body_required: bool
    """False: an empty body stands for one without members (runs.md R1.4)."""
    any_media_type: bool
    """The JSON body may call itself anything (runs.md R1.3)."""
    unprocessable: bool
    """JSON that breaks the schema, or a rule of the body's type, is 422 and not 400 (resources.md X5)."""
    if_match: bool
    """The request names in `If-Match` the revision that it is for: 428 without (resources.md X5)."""
    etag: bool
    """The answer has the revision of what it shows in `ETag`."""
    uploads: Mapping[str, Any]
    """Media types of a body that is not JSON, with `bytes`, or the type of the part `manifest` of a multipart one."""
    errors: tuple[int, ...]
    """Statuses that the operation itself may refuse with, beside those of the request pipeline (server.md S3)."""
    guard: Guard | None
    """Whom it admits; None: everybody, without credentials."""
    sign_in: Literal["form", "redirect"] | None = None
    """The `{method}` of its path is an auth method of this kind: it is shown once for each, by the method's name."""

    @property
    def public(self) -> bool:
        """Whether it needs no credentials."""
        return self.guard is None


def operation(
    method: str,
    path: str,
    *,
    id: str,  # noqa: A002  (the word of the document)
    tag: str,
    summary: str,
    answers: Mapping[int, Any],
    media_type: str = JSON,
    guard: Guard | None = Guard.USER,
    body: Any = None,
    body_required: bool = True,
    any_media_type: bool = False,
    unprocessable: bool = False,
    if_match: bool = False,
    etag: bool = False,
    uploads: Mapping[str, Any] | None = None,
    receiver: Receiver[Any] | None = None,
    max_body_bytes: int | None = None,
    errors: tuple[int, ...] = (),
    gate: Gate | None = None,
    sign_in: Literal["form", "redirect"] | None = None,
    no_head: bool = False,
) -> Callable[[Handler[Path, Query, Body]], Endpoint]:
    """Make an endpoint of a handler, shown in the API document; parameters are those of `Operation` and `endpoint`.

    `body` is what the document shows when the handler takes its JSON as it came, in `bytes`, or looser than clients
    ought to send it. `uploads` are bodies of other media types, which are never judged by their type here. A public
    operation, whose `guard` is None, may have a `gate` of its own.
    """

    def decorate(handler: Handler[Path, Query, Body]) -> Endpoint:
        signature = signature_of(handler)
        described = Operation(
            id=id,
            tag=tag,
            summary=summary,
            answers=answers,
            media_type=media_type,
            path=signature.path,
            query=signature.query,
            body=_shown(signature, body, uploads),
            body_required=body_required,
            any_media_type=any_media_type,
            unprocessable=unprocessable,
            if_match=if_match,
            etag=etag,
            uploads=uploads or {},
            errors=errors,
            guard=guard,
            sign_in=sign_in,
        )
        return endpoint(
            method,
            path,
            gate=gate if guard is None else partial(admit, guard),
            body_required=body_required,
            any_media_type=any_media_type or uploads is not None,
            unprocessable=unprocessable,
            if_match=if_match,
            receiver=receiver,
            max_body_bytes=max_body_bytes,
            no_head=no_head or media_type == EVENT_STREAM,
            operation=described,
        )(handler)

    return decorate


def _shown(signature: Signature, body: Any, uploads: Mapping[str, Any] | None) -> Any:
    """The type of the JSON body that the document shows."""
    if body is not None or uploads is not None:
        return body
    assert signature.body not in (bytes, Incoming), "what the document shows of raw bytes has to be said"
    return signature.body
