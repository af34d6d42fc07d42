"""Tokens for workers over HTTP (events.md E18)."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from fabro_core.api.runs.paths import RunPath
from fabro_core.auth.caller import Worker
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.instant import format_instant


class WorkerTokenResponse(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    token_type: Literal["Bearer"]
    run_id: str
    scope: str
    """Words separated by spaces (RFC 6749 §3.3)."""
    expires_at: str


@operation(
    "POST",
    "/runs/{id}/worker-token",
    id="createWorkerToken",
    tag="Run Internals",
    summary="Issue a token for the worker of a run",
    answers={201: WorkerTokenResponse},
    errors=(404, 409),
)
async def create_worker_token(call: Call[RunPath]) -> Reply:
    services = call.services
    worker = Worker(run_id=call.path.id, manages_runs=await services.runs.worker_manages_runs(call.path.id))
    token = services.auth.workers.issue(worker)
    answer = WorkerTokenResponse(
        token=token.text.reveal(),
        token_type="Bearer",  # noqa: S106  (RFC 6750 names the type of token so)
        run_id=call.path.id,
        scope=token.scope,
        expires_at=format_instant(token.expires_at),
    )
    return json_reply(answer, 201)


ROUTES: Final = (create_worker_token,)
