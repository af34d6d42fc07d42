"""The only exception → HTTP map: every failure becomes the envelope of server.md S5."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

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
    Conflict,
    IntegrationUnavailable,
    InvalidRequest,
    NotFound,
    NotSupported,
    Overloaded,
    Refusal,
    StoreUnavailable,
    StreamClosed,
)
from fabro_core.http.accept import prefers_html
from fabro_core.http.body import UnsupportedMediaType
from fabro_core.http.csrf import CrossSiteRequest
from fabro_core.http.guards import MethodNotAllowed
from fabro_core.http.options import allow_header
from fabro_core.http.reply import RawHeaders, Reply, html_reply, json_reply
from fabro_core.http.services import SERVICES
from fabro_core.http.trace import trace_of
from fabro_core.web.pages import error_page

if TYPE_CHECKING:
    from litestar import Request

RETRY_AFTER_SECONDS = 5

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    428: "Precondition Required",
    429: "Too Many Requests",
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
    (MethodNotAllowed, 405),
    (Conflict, 409),
    (StreamClosed, 410),
    (TooManyAttempts, 429),
    (UnsupportedMediaType, 415),
    (NotSupported, 501),
    (IdentityProviderFailed, 502),
    (MethodUnavailable, 503),
    (IntegrationUnavailable, 503),
    (Overloaded, 503),
)

_OAUTH_PATHS = ("/auth/cli/token", "/auth/cli/refresh", "/auth/cli/logout")
_FOR_PROGRAMS = ("/api/", "/ext/", "/health", *_OAUTH_PATHS)

log = logging.getLogger("fabro.api")


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


def failure_of(error: Exception) -> Failure:
    """What `error` is in HTTP's terms. Anything unforeseen is a 500 that says nothing about its cause."""
    match error:
        case Refusal():
            return Failure(
                status=status_of(error), detail=error.detail, code=error.code, headers=_refusal_headers(error)
            )
        case StoreUnavailable():
            return _unavailable("The store is unavailable. Try again later.", "store_unavailable")
        case HTTPException(status_code=404):
            return Failure(status=404, detail="No such route.", code="route_not_found")
        case HTTPException(status_code=405):
            return _method_not_allowed(error)
        case HTTPException(status_code=413):
            return Failure(status=413, detail="The request body is too large.", code="body_too_large")
        case HTTPException(status_code=400):
            return Failure(status=400, detail="The request is not valid.")
        case HTTPException(status_code=status) if status in TITLES and status < 500:
            return Failure(status=status, detail=error.detail or TITLES[status])
        case _:
            return Failure(status=500, detail="Internal server error.", code="server_error")


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal."""
    return next(status for kind, status in _STATUSES if isinstance(refusal, kind))


def answer(request: Request[Any, Any, Any], error: Exception) -> Reply:
    """Litestar's exception handler for everything: page or envelope, and a log line for what nobody foresaw."""
    return error_reply(request, error)


def error_reply(request: Request[Any, Any, Any], error: Exception, *headers: tuple[bytes, bytes]) -> Reply:
    """The answer of a request that failed, with further headers."""
    found = failure_of(error)
    failure = msgspec.structs.replace(found, headers=(*found.headers, *headers))
    request_id = trace_of(request.scope).request_id
    if failure.status == 500:
        log.error("request %s failed", request_id, exc_info=error)
    elif isinstance(error, StoreUnavailable):
        note_store_failure(request, error)
    services = request.app.state[SERVICES]
    if services.web_enabled and _shown_to_a_person(request):
        page = error_page(
            status=failure.status,
            title=failure.title,
            detail=failure.detail,
            code=failure.code,
            request_id=request_id,
            prefix=services.public_prefix,
        )
        return html_reply(page, failure.status, failure.headers)
    if _speaks_oauth(request):
        return oauth_envelope(failure, request_id)
    return envelope(failure, request_id)


def note_store_failure(request: Request[Any, Any, Any], error: StoreUnavailable) -> None:
    """Tell the log and the health check, which reports the store as down from now on (server.md S7)."""
    log.warning("request %s: store unavailable: %s", trace_of(request.scope).request_id, error)
    request.app.state[SERVICES].health.suspect()


def _shown_to_a_person(request: Request[Any, Any, Any]) -> bool:
    """A browser asks, and not for something that only programs use (server.md S5)."""
    path = request.scope["path"]
    return not path.startswith(_FOR_PROGRAMS) and prefers_html(request.scope["headers"])


def _speaks_oauth(request: Request[Any, Any, Any]) -> bool:
    return request.app.state[SERVICES].web_enabled and request.scope["path"].rstrip("/") in _OAUTH_PATHS


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
        case MethodUnavailable() | Overloaded():
            return (_RETRY_AFTER,)
        case TooManyAttempts(retry_after=seconds):
            return ((b"retry-after", b"%d" % seconds),)
        case _:
            return ()


def _method_not_allowed(error: HTTPException) -> Failure:
    """405 with every method that the path knows."""
    methods = {name.strip() for name in (error.headers or {}).get("allow", "").split(",") if name.strip()}
    return Failure(
        status=405,
        detail="The method is not allowed for this route.",
        code="method_not_allowed",
        headers=((b"allow", allow_header(methods)),),
    )
