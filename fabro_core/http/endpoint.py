"""Endpoints: one method of one path, and what a request to it goes through before its handler is called.

The order is that of runs.md R1.3: credentials, size and media type of the body, path, query, body, and then the
revision that a change is for (resources.md X5). It is put together once, when a module of routes is imported, from what
the handler's signature and its declaration say; a handler judges none of it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from fabro_core.auth.caller import Caller
from fabro_core.http.asgi import ASGIApp, Receive, Scope
from fabro_core.http.body import Incoming, decode_json, decode_optional_json, read_json
from fabro_core.http.call import Body, Call, Path, Query
from fabro_core.http.path import Digest, PathParams, path_parser
from fabro_core.http.preconditions import required_revision
from fabro_core.http.query import QueryParams, query_parser
from fabro_core.http.services import Services

Handler = Callable[[Call[Path, Query, Body]], Awaitable[ASGIApp]]
"""Answers with the response, which is an ASGI application itself."""

Gate = Callable[[Scope, Services], Awaitable[Caller | None]]
"""Lets a request in, and says who asks; raises a refusal, or `Instead`."""

Received = TypeVar("Received")
Receiver = Callable[[Incoming], AbstractAsyncContextManager[Received]]
"""Takes a body in that is too large for memory, and holds it while the handler works."""


class Instead(Exception):
    """A gate answers by itself, with what is no failure."""

    def __init__(self, reply: ASGIApp) -> None:
        self.reply = reply


class Signature(msgspec.Struct, frozen=True):
    """The types of a handler's call."""

    path: type[PathParams] | None
    query: type[QueryParams] | None
    body: Any
    """`Incoming`, `bytes`, a JSON type, or None."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    """With parameters in braces, below the prefix that it is served under."""
    answer: Callable[[Scope, Receive, Services], Awaitable[ASGIApp]]
    """The whole way of a request; raises what becomes an error answer."""
    no_head: bool = False
    """HEAD is refused: the answer does not end by itself, or asking for it has an effect (server.md S3)."""
    operation: Any = None
    """Its `Operation` in the API document; None: it is not shown there."""


def signature_of(handler: Handler[Any, Any, Any]) -> Signature:
    """The types in a handler's one parameter, which is a `Call`."""
    (hint,) = (hint for name, hint in get_type_hints(handler).items() if name != "return")
    return Signature(*(None if each is type(None) else each for each in _padded(get_args(hint))))


def endpoint(
    method: str,
    path: str,
    *,
    gate: Gate | None = None,
    body_required: bool = True,
    any_media_type: bool = False,
    unprocessable: bool = False,
    if_match: bool = False,
    receiver: Receiver[Any] | None = None,
    max_body_bytes: int | None = None,
    no_head: bool = False,
    operation: Any = None,
) -> Callable[[Handler[Path, Query, Body]], Endpoint]:
    """Make an endpoint of a handler.

    `gate` None admits everybody. An empty body is one without members unless `body_required`; a JSON body may have
    `any_media_type`; one that breaks the schema is 422 if `unprocessable`. `if_match`: the request has to name the
    revision that it is for. `receiver` takes the body in if it is none of what `Call` names. `max_body_bytes` None is
    what the settings say of ordinary bodies (server.md S10).
    """

    def decorate(handler: Handler[Path, Query, Body]) -> Endpoint:
        signature = signature_of(handler)
        intake, decode = _reading(
            signature.body,
            body_required=body_required,
            any_media_type=any_media_type,
            unprocessable=unprocessable,
        )
        way = _Way(
            gate=gate,
            intake=None if receiver is not None else intake,
            receiver=receiver,
            max_body_bytes=max_body_bytes,
            path=None if signature.path is None else path_parser(signature.path),
            query=None if signature.query is None else query_parser(signature.query),
            decode=None if receiver is not None else decode,
            revision=required_revision if if_match else None,
            handler=handler,
        )
        return Endpoint(
            method=method,
            path=path,
            answer=way.answer if receiver is None else way.answer_while_received,
            no_head=no_head,
            operation=operation,
        )

    return decorate


Intake = Callable[[Incoming], Awaitable[Any]]
Decode = Callable[[bytes], Any]
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Way:
    """The steps of an endpoint; None: there is nothing to do."""

    gate: Gate | None
    intake: Intake | None
    receiver: Receiver[Any] | None
    max_body_bytes: int | None
    path: Callable[[Mapping[str, str]], Any] | None
    query: Callable[[bytes], Any] | None
    decode: Decode | None
    revision: Callable[[Headers], Digest] | None
    handler: Handler[Any, Any, Any]

    async def answer(self, scope: Scope, receive: Receive, services: Services) -> ASGIApp:
        caller = None if self.gate is None else await self.gate(scope, services)
        body = None if self.intake is None else await self.intake(self._incoming(scope, receive, services))
        return await self.handler(self._call(scope, services, caller, body))

    async def answer_while_received(self, scope: Scope, receive: Receive, services: Services) -> ASGIApp:
        assert self.receiver is not None
        caller = None if self.gate is None else await self.gate(scope, services)
        async with self.receiver(self._incoming(scope, receive, services)) as body:
            return await self.handler(self._call(scope, services, caller, body))

    def _call(self, scope: Scope, services: Services, caller: Caller | None, body: Any) -> Call[Any, Any, Any]:
        path = None if self.path is None else self.path(scope["path_params"])
        query = None if self.query is None else self.query(scope["query_string"])
        if self.decode is not None:
            body = self.decode(body)
        revision = None if self.revision is None else self.revision(scope["headers"])
        return Call(scope, services, caller, path, query, body, revision)

    def _incoming(self, scope: Scope, receive: Receive, services: Services) -> Incoming:
        most = services.max_body_bytes if self.max_body_bytes is None else self.max_body_bytes
        return Incoming(scope, receive, most)


def _reading(
    kind: Any, *, body_required: bool, any_media_type: bool, unprocessable: bool
) -> tuple[Intake | None, Decode | None]:
    """How a body of this kind is read before the path is judged, and decoded after the query was."""
    if kind is None:
        return None, None
    if kind is Incoming:
        return _unread, None
    intake: Intake = Incoming.read if any_media_type else read_json
    if kind is bytes:
        return intake, None
    if body_required:
        return intake, lambda body: decode_json(body, kind, unprocessable=unprocessable)
    return intake, lambda body: decode_optional_json(body, kind)


async def _unread(incoming: Incoming) -> Incoming:
    return incoming


def _padded(kinds: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    path, query, body, *_ = (*kinds, type(None), type(None), type(None))
    return path, query, body
