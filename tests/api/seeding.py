"""Runs in any state, put into a store below the API: what workers and later events would have made of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from ulid import ULID

from fabro_core.models.instant import format_instant
from fabro_core.models.principal import IdpIdentity, PrincipalUser
from fabro_core.models.run import DiffSummary, RepositoryRef, RunTiming, WorkflowRef
from fabro_core.models.status import (
    RunStatus,
    RunStatusBlocked,
    RunStatusDead,
    RunStatusFailed,
    RunStatusPaused,
    RunStatusPending,
    RunStatusRemoving,
    RunStatusRunnable,
    RunStatusRunning,
    RunStatusStarting,
    RunStatusSubmitted,
    RunStatusSucceeded,
)
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.status import is_pre_execution, is_terminal
from fabro_core.runs.fold.wire import row_of
from fabro_core.store.base import RunStore
from fabro_core.store.records import AppendBatch, EventRecord

EPOCH = datetime(2026, 3, 2, 10, 0, 0, tzinfo=UTC)

STATUSES: dict[str, RunStatus] = {
    "submitted": RunStatusSubmitted(),
    "pending": RunStatusPending("approval_required"),
    "runnable": RunStatusRunnable(),
    "starting": RunStatusStarting(),
    "running": RunStatusRunning(),
    "paused": RunStatusPaused(None),
    "blocked": RunStatusBlocked("human_input_required"),
    "succeeded": RunStatusSucceeded("completed"),
    "failed": RunStatusFailed("workflow_error"),
    "dead": RunStatusDead(),
    "removing": RunStatusRemoving(),
}


@dataclass(frozen=True, kw_only=True)
class Seed:
    """What a seeded run differs in; offsets are in milliseconds."""

    status: str = "submitted"
    archived: bool = False
    created: int = 0
    """After `EPOCH`."""
    started: int | None = None
    """After the creation; None: has not started."""
    lasted: int = 0
    """Until the end, for a run that has ended."""
    updated: int = 0
    """Newest event, after the creation."""
    title: str = "Ship"
    repository: str = "acme/shop"
    workflow_name: str | None = None
    graph_name: str | None = "Deploy"
    slug: str | None = "deploy"
    changes: int = 0
    usd_micros: int | None = None
    parent_id: str | None = None
    seq: int = 1
    """Of the newest event; only this one is in the log."""
    entropy: int = 0
    """The random part of the id: tells runs of one millisecond apart."""

    @property
    def created_at(self) -> datetime:
        return EPOCH + timedelta(milliseconds=self.created)

    @property
    def id(self) -> str:
        ms = int(self.created_at.timestamp() * 1000)
        return str(ULID.from_bytes(ms.to_bytes(6, "big") + self.entropy.to_bytes(10, "big")))


def projection_of(seed: Seed) -> Projection:
    """The projection that the run's events would have left."""
    status = STATUSES[seed.status]
    began = seed.created_at + timedelta(milliseconds=seed.started or 0)
    started = seed.started is not None and not is_pre_execution(status)
    ended = is_terminal(status)
    run = Projection(
        id=seed.id,
        seq=seed.seq,
        title=seed.title,
        goal=seed.title,
        workflow=WorkflowRef(
            slug=seed.slug, name=seed.workflow_name, graph_name=seed.graph_name, node_count=2, edge_count=1
        ),
        repository=RepositoryRef(name=seed.repository, origin_url=None, provider="unknown"),
        created_by=PrincipalUser(identity=IdpIdentity("fabro:dev", "dev"), login="dev", auth_method="dev_token"),
        created_at=format_instant(seed.created_at),
        last_event_at=format_instant(seed.created_at + timedelta(milliseconds=seed.updated)),
        status=status,
        status_updated_at=format_instant(seed.created_at),
        parent_id=seed.parent_id,
        total_usd_micros=seed.usd_micros,
        diff=DiffSummary(files_changed=1, additions=seed.changes, deletions=0) if seed.changes else None,
        archived_at=format_instant(EPOCH) if seed.archived else None,
    )
    if started:
        timing = RunTiming(wall_time_ms=seed.lasted, inference_time_ms=0, tool_time_ms=0, active_time_ms=0)
        run = replace(run, started_at=format_instant(began), timing=timing)
    if ended:
        begun = began if started else seed.created_at
        run = replace(run, completed_at=format_instant(begun + timedelta(milliseconds=seed.lasted)))
    return run


async def put(store: RunStore, *seeds: Seed) -> None:
    """Store the runs."""
    for seed in seeds:
        row = row_of(projection_of(seed))
        event = EventRecord(seq=1, kind="run.created", body=b"{}")
        await store.append(AppendBatch(run_id=row.id, expected_seq=0, events=(event,), row=row))
