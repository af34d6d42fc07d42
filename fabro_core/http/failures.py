"""The only exception → HTTP map: every failure becomes the envelope of server.md S5."""

from __future__ import annotations

import msgspec
from litestar.exceptions import HTTPException

from fabro_core.auth.refusals import (
    AccessDenied,
    CliLoginNotConfigured,
    IdentityProviderFailed,
    InvalidCredentials,
    LoginNotPermitted,
    LoginStateInvalid,
    MethodDisabled,
    MethodUnavailable,
    Unauthenticated,
)
from fabro_core.auth.sign_in_limit import TooManyAttempts
from fabro_core.errors import (
    CodeHostFailed,
    Conflict,
    IntegrationUnavailable,
    InvalidRequest,
    NotFound,
    NotSupported,
    Overloaded,
    Refusal,
    SecretsUnavailable,
    StorageFull,
    StoreUnavailable,
    StreamClosed,
    TurnActive,
    Unprocessable,
    WorkerControlUnavailable,
)
from fabro_core.http.body import BodyTooLarge, UnsupportedMediaType
from fabro_core.http.csrf import CrossSiteRequest
from fabro_core.http.methods import MethodNotAllowed, RouteNotFound, listed
from fabro_core.http.preconditions import PreconditionRequired
from fabro_core.http.reply import RawHeaders, Reply, json_reply
from fabro_core.http.streams import TooManyStreams
from fabro_core.upkeep.diagnostics import DiagnosticsTimeout

RETRY_AFTER_SECONDS = 5

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Payload Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""Fixed texts, independent of the Python version (server.md S5)."""

_STATUSES: tuple[tuple[type[Refusal], int], ...] = (
    (InvalidRequest, 400),
    (LoginStateInvalid, 400),
    (Unauthenticated, 401),
    (InvalidCredentials, 401),
    (MethodDisabled, 401),
    (AccessDenied, 403),
    (CliLoginNotConfigured, 403),
    (CrossSiteRequest, 403),
    (LoginNotPermitted, 403),
    (NotFound, 404),
    (RouteNotFound, 404),
    (MethodNotAllowed, 405),
    (Conflict, 409),
    (StreamClosed, 410),
    (TooManyAttempts, 429),
    (TooManyStreams, 429),
    (BodyTooLarge, 413),
    (UnsupportedMediaType, 415),
    (Unprocessable, 422),
    (PreconditionRequired, 428),
    (NotSupported, 501),
    (IdentityProviderFailed, 502),
    (CodeHostFailed, 502),
    (MethodUnavailable, 503),
    (IntegrationUnavailable, 503),
    (WorkerControlUnavailable, 503),
    (SecretsUnavailable, 503),
    (Overloaded, 503),
    (StorageFull, 503),
    (DiagnosticsTimeout, 504),
)


class ErrorResponseEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    status: str
    """The HTTP status, as text."""
    title: str
    detail: str
    """One sentence for people; may change."""
    code: str | None = None
    """Stable and snake_case; left out where none is assigned."""
    request_id: str | None = None


class ErrorResponse(msgspec.Struct, frozen=True, kw_only=True):
    errors: list[ErrorResponseEntry]
    request_id: str


class OAuthErrorResponse(ErrorResponse, frozen=True, kw_only=True):
    """The envelope of routes that speak OAuth (auth.md A20, RFC 6749 §5.2)."""

    error: str
    error_description: str


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A failure in HTTP's terms."""

    status: int
    detail: str
    code: str | None = None
    headers: RawHeaders = ()

    @property
    def title(self) -> str:
        return TITLES[self.status]


MALFORMED = Failure(status=400, detail="The request is not valid.")
TOO_SLOW = Failure(status=408, detail="The request did not arrive in time.", code="request_timeout")
PATH_TOO_LONG = Failure(status=414, detail="The path is too long.", code="path_too_long")
HEAD_TOO_LARGE = Failure(status=431, detail="The head of the request is too large.", code="head_too_large")
UNFORESEEN = Failure(status=500, detail="Internal server error.", code="server_error")


class Refused(Exception):
    """The rest of a request will not come, or is not taken: raised where its body is read."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.detail)


def failure_of(error: Exception) -> Failure:
    """What `error` is in HTTP's terms. Anything unforeseen is a 500 that says nothing about its cause."""
    match error:
        case Refusal():
            return Failure(
                status=status_of(error), detail=error.detail, code=error.code, headers=_refusal_headers(error)
            )
        case Refused(failure=failure):
            return failure
        case StoreUnavailable():
            return _unavailable("The store is unavailable. Try again later.", "store_unavailable")
        case HTTPException(status_code=404):
            return failure_of(RouteNotFound())
        case HTTPException(status_code=405):
            return failure_of(MethodNotAllowed(_allowed_by(error)))
        case HTTPException(status_code=413):
            return failure_of(BodyTooLarge())
        case HTTPException(status_code=400):
            return MALFORMED
        case HTTPException(status_code=status) if status in TITLES and status < 500:
            return Failure(status=status, detail=error.detail or TITLES[status])
        case _:
            return UNFORESEEN


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal."""
    return next(status for kind, status in _STATUSES if isinstance(refusal, kind))


def envelope(failure: Failure, request_id: str) -> Reply:
    """The error body of server.md S5."""
    body = ErrorResponse(errors=[_entry(failure, request_id)], request_id=request_id)
    return json_reply(body, failure.status, failure.headers)


def oauth_envelope(failure: Failure, request_id: str) -> Reply:
    """The error body of auth.md A20. One error and one description of A20 differ from those of other routes."""
    match failure:
        case Failure(status=413):
            failure = msgspec.structs.replace(failure, code="invalid_request", detail="Invalid request")
        case Failure(code="login_not_permitted"):
            failure = msgspec.structs.replace(failure, detail="Login not permitted")
    body = OAuthErrorResponse(
        error="unauthorized" if failure.code == "login_not_permitted" else failure.code or "invalid_request",
        error_description=failure.detail,
        errors=[_entry(failure, request_id)],
        request_id=request_id,
    )
    return json_reply(body, failure.status, failure.headers)


def _entry(failure: Failure, request_id: str) -> ErrorResponseEntry:
    return ErrorResponseEntry(
        status=str(failure.status),
        title=failure.title,
        detail=failure.detail,
        code=failure.code,
        request_id=request_id,
    )


def not_started(detail: str) -> Failure:
    """503 before the application's lifespan was entered (server.md S13)."""
    return Failure(status=503, detail=detail, code="not_started")


def draining() -> Failure:
    """503 of the readiness check after a stop signal (server.md S7)."""
    return _unavailable("The server is stopping.", "draining")


def store_down() -> Failure:
    """503 of the readiness check while the store is unreachable."""
    return failure_of(StoreUnavailable())


def _unavailable(detail: str, code: str) -> Failure:
    return Failure(status=503, detail=detail, code=code, headers=(_RETRY_AFTER,))


_RETRY_AFTER = (b"retry-after", b"%d" % RETRY_AFTER_SECONDS)


def _refusal_headers(refusal: Refusal) -> RawHeaders:
    match refusal:
        case Unauthenticated(token_was_given=True):
            return ((b"www-authenticate", b'Bearer realm="fabro", error="invalid_token"'),)
        case Unauthenticated() | InvalidCredentials() | MethodDisabled():
            return ((b"www-authenticate", b'Bearer realm="fabro"'),)
        case MethodNotAllowed(allow=allow):
            return ((b"allow", allow),)
        case TurnActive(turn_id=turn_id):
            return ((b"x-fabro-active-turn-id", _header_value(turn_id)),)
        case MethodUnavailable() | Overloaded() | StorageFull() | TooManyStreams():
            return (_RETRY_AFTER,)
        case TooManyAttempts(retry_after=seconds):
            return ((b"retry-after", b"%d" % seconds),)
        case _:
            return ()


def _header_value(text: str) -> bytes:
    """What a header can carry of a text that somebody else wrote."""
    return "".join(each for each in text if each.isascii() and each.isprintable()).encode()


def _allowed_by(error: HTTPException) -> bytes:
    """The methods that Litestar knows for the path of an extension's route; HEAD comes with GET."""
    methods = {name.strip() for name in (error.headers or {}).get("allow", "").split(",") if name.strip()}
    return listed(methods | {"HEAD"} if "GET" in methods else methods)
