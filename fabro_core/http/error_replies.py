"""The answer of a request that failed: an envelope for programs, a page for people (server.md S5)."""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from fabro_core.causes import told
from fabro_core.errors import StoreUnavailable
from fabro_core.http.accept import prefers_html
from fabro_core.http.asgi import Scope
from fabro_core.http.failures import envelope, failure_of, oauth_envelope
from fabro_core.http.reply import Reply, html_reply
from fabro_core.http.services import Services
from fabro_core.http.trace import trace_of

_OAUTH_PATHS: Final = ("/auth/cli/token", "/auth/cli/refresh", "/auth/cli/logout")
_FOR_PROGRAMS: Final = ("/api/", "/ext/", "/health", *_OAUTH_PATHS)

log = logging.getLogger("fabro.api")


def error_reply(scope: Scope, services: Services, error: Exception, *headers: tuple[bytes, bytes]) -> Reply:
    """The answer of a request that failed, page or envelope, with further headers; and a log line for what nobody
    foresaw."""
    found = failure_of(error)
    failure = msgspec.structs.replace(found, headers=(*found.headers, *headers))
    request_id = trace_of(scope).request_id
    if failure.status == 500:
        log.error("request %s failed", request_id, exc_info=error)
    elif isinstance(error, StoreUnavailable):
        note_store_failure(scope, services, error)
    if services.error_page is not None and _shown_to_a_person(scope):
        page = services.error_page(failure, request_id)
        return html_reply(page, failure.status, failure.headers)
    if services.web_enabled and scope["path"].rstrip("/") in _OAUTH_PATHS:
        return oauth_envelope(failure, request_id)
    return envelope(failure, request_id)


def note_store_failure(scope: Scope, services: Services, error: StoreUnavailable) -> None:
    """Tell the health check, which reports the store as down from now on and logs why (server.md S7)."""
    log.debug("request %s: store unavailable: %s", trace_of(scope).request_id, told(error))
    services.health.suspect(error)


def _shown_to_a_person(scope: Scope) -> bool:
    """A browser asks, and not for something that only programs use (server.md S5)."""
    return not scope["path"].startswith(_FOR_PROGRAMS) and prefers_html(scope["headers"])
