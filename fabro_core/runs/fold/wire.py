"""A projection as others see it: the Run resource (runs.md R5) and the row that a store indexes.

A run's JSON is encoded once, when an event changes it. What changes without an event is spliced into the stored
bytes when they are answered, so a page of runs is never decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from fabro_core.models.counts import bounded
from fabro_core.models.instant import ms_of_instant
from fabro_core.models.run import (
    RunBillingSummary,
    RunBody,
    RunError,
    RunLifecycle,
    RunLinks,
    RunModel,
    RunOrigin,
    RunSize,
    RunTimestamps,
)
from fabro_core.models.status import RunStatusFailed
from fabro_core.runs.fold.ask_fabro import asking
from fabro_core.runs.fold.facets import ascii_fold, facets_of
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.questions import earliest
from fabro_core.runs.fold.status import bucket_of
from fabro_core.store.records import RunHit, RunRow, StoredRun

_SIZE_LIMITS_USD_MICROS: tuple[tuple[int, RunSize], ...] = (
    (20_000_000, "XS"),
    (50_000_000, "S"),
    (100_000_000, "M"),
    (200_000_000, "L"),
)
_SIZE_RANKS: dict[RunSize, int] = {"XS": 0, "S": 1, "M": 2, "L": 3, "XL": 4}

# None of these can occur inside a JSON string (its quotes would be escaped), and no other member of a Run has
# such a name with such a value: labels map to strings. So the first match is the member itself.
_NO_QUEUE_POSITION = b'"queue_position":null'
_NO_CHILDREN = b',"children_count":0}'
_TIMING = b'"timing":'
_WALL_TIME = b'"timing":{"wall_time_ms":'
_NEXT_MEMBER = b","


def run_body(projection: Projection) -> RunBody:
    """The Run resource as far as the run's own log determines it."""
    status = projection.status
    total = projection.total_usd_micros
    return RunBody(
        id=projection.id,
        parent_id=msgspec.UNSET if projection.parent_id is None else projection.parent_id,
        title=projection.title,
        goal=projection.goal,
        workflow=projection.workflow,
        automation=projection.automation,
        repository=projection.repository,
        created_by=projection.created_by,
        origin=RunOrigin(),
        labels=projection.labels,
        lifecycle=RunLifecycle(
            status=status,
            approval=projection.approval,
            pending_control=projection.pending_control,
            error=RunError(message=projection.failure_message or "") if isinstance(status, RunStatusFailed) else None,
            archived=projection.archived,
            archived_at=projection.archived_at,
            queue_position=None,
        ),
        sandbox=projection.sandbox,
        models=_models(projection),
        source_directory=projection.source_directory,
        timestamps=RunTimestamps(
            created_at=projection.created_at,
            started_at=projection.started_at,
            last_event_at=projection.last_event_at,
            completed_at=projection.completed_at,
        ),
        timing=projection.timing,
        billing=None if total is None else RunBillingSummary(total_usd_micros=total),
        size=_size(total),
        ask_fabro=asking(projection.sandbox),
        diff=projection.diff,
        pull_request=projection.pull_request,
        current_question=earliest(projection.questions),
        superseded_by=projection.superseded_by,
        retried_from=projection.retried_from,
        links=RunLinks(web=projection.web_url),
    )


def row_of(projection: Projection) -> RunRow:
    """What a store keeps of a run: index columns, the encoded Run and the projection itself."""
    created_ms = ms_of_instant(projection.created_at)
    begun_ms = ms_of_instant(projection.started_at or projection.created_at)
    completed_at, diff = projection.completed_at, projection.diff
    return RunRow(
        id=projection.id,
        seq=projection.seq,
        bucket=bucket_of(projection.status, archived=projection.archived),
        created_ms=created_ms,
        updated_ms=ms_of_instant(projection.last_event_at),
        begun_ms=begun_ms,
        elapsed_ms=None if completed_at is None else max(0, ms_of_instant(completed_at) - begun_ms),
        repo_key=ascii_fold(projection.repository.name),
        title_key=ascii_fold(projection.title.strip()),
        workflow_key=ascii_fold(projection.workflow.display_name),
        changes=bounded(diff.additions + diff.deletions) if diff else 0,
        size=_SIZE_RANKS[_size(projection.total_usd_micros)],
        workflow_slug=projection.workflow.slug,
        workflow_name=projection.workflow.name,
        parent_id=projection.parent_id,
        facets=facets_of(projection),
        title_text=projection.title.casefold(),
        body=msgspec.json.encode(run_body(projection)),
        state=msgspec.json.encode(projection),
    )


def run_json(hit: RunHit, now_ms: int) -> bytes:
    """The Run resource of a stored run, spliced from its stored bytes, at an instant in ms since the epoch."""
    return joined(run_parts(hit), now_ms)


def run_json_to_the_moment(stored: StoredRun, now_ms: int) -> bytes:
    """`run_json` with every duration of a live run counted to the moment (runs.md R5.7)."""
    if not stored.live:
        return run_json(stored, now_ms)
    run = msgspec.json.decode(stored.state, type=Projection)
    body = msgspec.json.encode(run_body(replace(run, timing=run.timing_at(now_ms))))
    return run_json(replace(stored, body=body), now_ms)


Part = bytes | int
"""Bytes of an answer, or an instant in ms since the epoch: where a number stands that counts the ms since."""


def run_parts(hit: RunHit) -> Sequence[Part]:
    """The Run resource of a stored run, cut open where the clock tells what stands there."""
    body, start = hit.body, 0
    parts: list[Part] = []
    if hit.live:
        # Timing and lifecycle come first in a body, so nothing is searched for long, and little is copied twice.
        place = body.find(_TIMING)
        if body.startswith(_WALL_TIME, place):
            place += len(_WALL_TIME)
            parts += (body[:place], hit.begun_ms)
            start = body.index(_NEXT_MEMBER, place)
        if hit.queue_position is not None and (place := body.find(_NO_QUEUE_POSITION, start)) >= 0:
            parts += (body[start:place], b'"queue_position":%d' % hit.queue_position)
            start = place + len(_NO_QUEUE_POSITION)
    children = b',"children_count":%d}' % hit.children_count if hit.children_count else _NO_CHILDREN
    return (*parts, body[start:-1], children)


def joined(parts: Iterable[Part], now_ms: int) -> bytes:
    """The bytes at an instant in ms since the epoch."""
    return b"".join([part if isinstance(part, bytes) else b"%d" % max(0, now_ms - part) for part in parts])


def _size(total_usd_micros: int | None) -> RunSize:
    return next((size for limit, size in _SIZE_LIMITS_USD_MICROS if (total_usd_micros or 0) <= limit), "XL")


def _models(projection: Projection) -> list[RunModel]:
    """What the stages used, each model once (runs.md R5.2)."""
    used = {(stage.model.provider, stage.model.model_id) for stage in projection.stages.values() if stage.model}
    return [RunModel(provider=provider, name=name) for provider, name in sorted(used)]
