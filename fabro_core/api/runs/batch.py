"""Several runs in one request (runs.md R11): every item is tried, none undoes another."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Final, Literal, Protocol

import msgspec

from fabro_core.errors import Conflict, FabroError, InvalidRequest, NotFound, StoreUnavailable
from fabro_core.http.call import AnyCall, Call
from fabro_core.http.error_replies import note_store_failure
from fabro_core.http.failures import ErrorResponseEntry, failure_of
from fabro_core.http.operation import operation
from fabro_core.http.path import require_run_id
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.ids import RunId
from fabro_core.models.principal import Principal
from fabro_core.runs.log.log import Outcome

RunIds = Annotated[list[str], msgspec.Meta(min_length=1, max_length=250)]


class BatchRunLifecycleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    run_ids: RunIds


class BatchDeleteRunsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    run_ids: RunIds
    force: bool = False


class _Exactly(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of answers that have these members and will have no others."""


class BatchRunSummary(_Exactly, frozen=True, kw_only=True):
    requested: int
    succeeded: int
    failed: int


EncodedRun = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"$ref": "#/components/schemas/Run"})]
"""A Run that is encoded already."""


class BatchRunLifecycleResult(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    run_id: str
    ok: bool
    outcome: Literal["archived", "already_archived", "unarchived", "not_archived", "not_found", "conflict", "error"]
    run: EncodedRun | msgspec.UnsetType = msgspec.UNSET
    error: ErrorResponseEntry | None = None


class BatchRunLifecycleResponse(_Exactly, frozen=True, kw_only=True):
    results: list[BatchRunLifecycleResult]
    summary: BatchRunSummary


class BatchDeleteRunsResult(_Exactly, frozen=True, kw_only=True, omit_defaults=True):
    run_id: str
    ok: bool
    outcome: Literal["deleted", "already_absent", "conflict", "error"]
    error: ErrorResponseEntry | None = None


class BatchDeleteRunsResponse(_Exactly, frozen=True, kw_only=True):
    results: list[BatchDeleteRunsResult]
    summary: BatchRunSummary


@operation(
    "POST",
    "/runs/archive",
    id="batchArchiveRuns",
    tag="Runs",
    summary="Archive several runs",
    answers={200: BatchRunLifecycleResponse},
)
async def archive_runs(call: Call[None, None, BatchRunLifecycleRequest]) -> Reply:
    return await _lifecycle(call, call.body, call.services.runs.archive, "archived", "already_archived")


@operation(
    "POST",
    "/runs/unarchive",
    id="batchUnarchiveRuns",
    tag="Runs",
    summary="Unarchive several runs",
    answers={200: BatchRunLifecycleResponse},
)
async def unarchive_runs(call: Call[None, None, BatchRunLifecycleRequest]) -> Reply:
    return await _lifecycle(call, call.body, call.services.runs.unarchive, "unarchived", "not_archived")


@operation(
    "POST",
    "/runs/delete",
    id="batchDeleteRuns",
    tag="Runs",
    summary="Delete several runs",
    answers={200: BatchDeleteRunsResponse},
)
async def delete_runs(call: Call[None, None, BatchDeleteRunsRequest]) -> Reply:
    runs = call.services.runs
    delete = runs.delete_by_force if call.body.force else runs.delete
    actor = call.principal
    results = []
    for run_id in _distinct_ids(call.body.run_ids):
        try:
            deleted = await delete(run_id, actor=actor)
        except FabroError as error:
            outcome: Literal["conflict", "error"] = "conflict" if isinstance(error, Conflict) else "error"
            results.append(BatchDeleteRunsResult(run_id=run_id, ok=False, outcome=outcome, error=_entry(call, error)))
        else:
            results.append(
                BatchDeleteRunsResult(run_id=run_id, ok=True, outcome="deleted" if deleted else "already_absent")
            )
    return json_reply(BatchDeleteRunsResponse(results=results, summary=_summary([each.ok for each in results])))


Lifecycle = Literal["archived", "already_archived", "unarchived", "not_archived"]


class _Change(Protocol):
    def __call__(self, run_id: RunId, *, actor: Principal) -> Awaitable[Outcome]: ...


async def _lifecycle(
    call: AnyCall,
    batch: BatchRunLifecycleRequest,
    change: _Change,
    changed: Lifecycle,
    unchanged: Lifecycle,
) -> Reply:
    actor = call.principal
    results = []
    for run_id in _distinct_ids(batch.run_ids):
        try:
            outcome = await change(run_id, actor=actor)
        except FabroError as error:
            entry = _entry(call, error)
            results.append(BatchRunLifecycleResult(run_id=run_id, ok=False, outcome=_failure(error), error=entry))
        else:
            run = msgspec.Raw(call.services.runs.json(outcome.hit))
            results.append(
                BatchRunLifecycleResult(
                    run_id=run_id, ok=True, outcome=changed if outcome.changed else unchanged, run=run
                )
            )
    return json_reply(BatchRunLifecycleResponse(results=results, summary=_summary([each.ok for each in results])))


def _distinct_ids(given: list[str]) -> list[RunId]:
    """All ids in canonical form; nothing is changed when one of them is not valid or given twice."""
    run_ids = [require_run_id(text, f"run_ids[{index}]") for index, text in enumerate(given)]
    if len(set(run_ids)) < len(run_ids):
        raise InvalidRequest("run_ids names a run twice.")
    return run_ids


def _failure(error: FabroError) -> Literal["not_found", "conflict", "error"]:
    match error:
        case NotFound():
            return "not_found"
        case Conflict():
            return "conflict"
        case _:
            return "error"


def _entry(call: AnyCall, error: FabroError) -> ErrorResponseEntry:
    if isinstance(error, StoreUnavailable):
        note_store_failure(call.scope, call.services, error)
    failure = failure_of(error)
    return ErrorResponseEntry(status=str(failure.status), title=failure.title, detail=failure.detail, code=failure.code)


def _summary(successes: list[bool]) -> BatchRunSummary:
    succeeded = sum(successes)
    return BatchRunSummary(requested=len(successes), succeeded=succeeded, failed=len(successes) - succeeded)


ROUTES: Final = (
    archive_runs,
    unarchive_runs,
    delete_runs,
)
