"""Whom an endpoint admits (runs.md R2, auth.md A3)."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from fabro_core.auth.caller import Caller, User, Worker
from fabro_core.auth.refusals import AccessDenied, LoginNotPermitted, Unauthenticated
from fabro_core.http.asgi import Scope
from fabro_core.http.csrf import SAFE_METHODS, CrossSiteRequest, refuse_cross_site
from fabro_core.http.services import Services
from fabro_core.http.trace import trace_of
from fabro_core.models.ids import parse_run_id

EXPIRED: Final = "access_token_expired"


class Guard(Enum):
    """Which callers an operation admits (runs.md R2). People are admitted by each of them."""

    USER = auto()
    """People alone; to a worker it is as if it had no credentials."""
    MANAGEMENT = auto()
    """Also workers that manage runs."""
    TARGET = auto()
    """Also the worker of the run in the path, and workers that manage runs."""
    SAME_RUN = auto()
    """Also the worker of the run in the path, and no other."""


async def admit(guard: Guard, scope: Scope, services: Services) -> Caller:
    """Admit a caller whose credentials are good and whom the guard lets in; decided before anything else.

    Raises what `Authenticator.authenticate` does, `AccessDenied` and `CrossSiteRequest`.
    """
    trace = trace_of(scope)
    trace.auth_status = "missing"
    try:
        headers = scope["headers"]
        caller = await services.auth.authenticator.authenticate(headers)
        trace.caller = caller
        if isinstance(caller, Worker):
            _admit_worker(caller, guard, scope["path_params"].get("id", ""))
        elif _used_cookie(caller) and scope["method"] not in SAFE_METHODS:
            refuse_cross_site(headers, services.public_origin)
    except (LoginNotPermitted, AccessDenied, CrossSiteRequest) as refusal:
        trace.auth_status, trace.auth_error_code = "denied", refusal.code
        raise
    except Unauthenticated as refusal:
        if refusal.token_was_given or refusal.code is not None:
            trace.auth_status = "expired" if refusal.code == EXPIRED else "invalid"
            trace.auth_error_code = refusal.code
        raise
    trace.auth_status = "authenticated"
    return caller


def _used_cookie(user: User) -> bool:
    return user.session is not None and user.session.kind == "browser"


def _admit_worker(worker: Worker, guard: Guard, run_id: str) -> None:
    """`run_id` as the path has it: one that is malformed is no worker's own run."""
    match guard:
        case Guard.USER:
            raise Unauthenticated(token_was_given=True)
        case Guard.MANAGEMENT:
            admitted = worker.manages_runs
        case Guard.TARGET:
            admitted = worker.manages_runs or parse_run_id(run_id) == worker.run_id
        case Guard.SAME_RUN:
            admitted = parse_run_id(run_id) == worker.run_id
    if not admitted:
        raise AccessDenied
