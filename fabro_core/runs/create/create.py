"""Creating a run from a manifest (runs.md R8) or from a run that has ended (R14): start the log, with the blobs
that its first events refer to, in one step."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace
from ulid import ULID

from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import NotFound
from fabro_core.models.events import (
    GitContext,
    RunCreated,
    RunRunnable,
    RunStartRequested,
    RunSubmitted,
)
from fabro_core.models.events.created import ForkSourceRef
from fabro_core.models.ids import RunId
from fabro_core.models.instant import instant_of_ms
from fabro_core.models.principal import RunProvenance
from fabro_core.models.run import AutomationRef
from fabro_core.runs.create.fork import ForkPoint, history
from fabro_core.runs.create.planner import Planner
from fabro_core.runs.decide.lifecycle import require_retryable
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.entry import own_entry
from fabro_core.runs.log.log import RunLog
from fabro_core.runs.log.origin import read_created
from fabro_core.store.base import RunStore
from fabro_core.store.records import Blob, StoredRun

if TYPE_CHECKING:
    from fabro_core.runs.create.plan import RunPlan


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that a worker needs to execute a run."""

    run_id: str
    settings: msgspec.Raw
    setting_origins: msgspec.Raw = msgspec.Raw(b"null")
    """JSON of a `SettingOrigin` by the name of each setting; null in those of older releases."""
    graph: msgspec.Raw
    provenance: RunProvenance
    graph_source: str
    workflow_slug: str | None = None
    source_directory: str | None = None
    labels: dict[str, str] = {}
    git: GitContext | None = None
    manifest_blob: str
    definition_blob: str


class _Start(NamedTuple):
    """What the log of a new run begins with, and the blobs that it refers to."""

    created: RunCreated
    submitted: RunSubmitted
    blobs: tuple[Blob, ...]


class RunCreator:
    """Creates runs; starting them is another matter."""

    def __init__(self, store: RunStore, log: RunLog, planner: Planner, clock: Clock, *, web_url: str | None) -> None:
        self._store = store
        self._log = log
        self._planner = planner
        self._clock = clock
        self._web_url = web_url

    async def create(
        self, manifest: bytes, *, provenance: RunProvenance, automation: AutomationRef | None = None
    ) -> StoredRun:
        """The new run. Raises `InvalidRequest` for a manifest that is not valid, `NotFound` for an unknown parent."""
        draft = await self._planner.draft(manifest)
        if draft.parent_id is not None and await self._store.get_run(draft.parent_id) is None:
            raise NotFound(f"Parent run {draft.parent_id} not found.")
        plan = await self._planner.plan(draft)
        now_ms = epoch_ms(self._clock.now())
        run_id = RunId(str(ULID.from_timestamp(now_ms)))
        start = self._start(plan, run_id, provenance, now_ms)
        changes = (replace(start.created, automation=automation), start.submitted)
        now = instant_of_ms(now_ms)
        return await self._log.create(run_id, changes, actor=provenance.subject, now=now, blobs=start.blobs)

    async def retry(self, source: StoredRun, *, provenance: RunProvenance) -> StoredRun:
        """A new run of what `source` was a run of, in the queue at once; the source is not changed (runs.md R14).

        Raises `Conflict` for a source that is archived or has not ended.
        """
        run = msgspec.json.decode(source.state, type=Projection)
        require_retryable(run)
        now_ms = epoch_ms(self._clock.now())
        run_id = RunId(str(ULID.from_timestamp(now_ms)))
        start = await self._start_again(source.id, run_id, provenance, now_ms)
        again = replace(
            start.created,
            title=run.title,
            parent_id=run.parent_id,
            retried_from=source.id,
            web_url=self._page_of(run_id),
        )
        changes = (again, start.submitted, RunStartRequested(resume=False), RunRunnable(source="start_requested"))
        now = instant_of_ms(now_ms)
        return await self._log.create(run_id, changes, actor=provenance.subject, now=now, blobs=start.blobs)

    async def fork(self, source_id: str, point: ForkPoint, *, provenance: RunProvenance) -> StoredRun:
        """A new run, not started, with the history of another one up to a checkpoint (runs.md R14)."""
        now_ms = epoch_ms(self._clock.now())
        run_id = RunId(str(ULID.from_timestamp(now_ms)))
        start = await self._start_again(source_id, run_id, provenance, now_ms)
        forked = replace(
            start.created,
            title=None,
            parent_id=None,
            web_url=None,
            fork_source_ref=ForkSourceRef(source_run_id=source_id, checkpoint_sha=point.sha),
        )
        first, last = (
            own_entry(change, run_id, actor=provenance.subject, now=instant_of_ms(now_ms))
            for change in (forked, start.submitted)
        )
        copies = await history(self._store, source_id, point.checkpoint.seq, run_id)
        return await self._log.create_with([first, *copies, last], start.blobs)

    async def _start_again(self, source_id: str, run_id: RunId, provenance: RunProvenance, now_ms: int) -> _Start:
        """What the source's log begins with, made out to another run; without a specification if the source has none.

        All blobs are put again, as every new reference goes with a put (docs/architecture.md).
        """
        created = await read_created(self._store, source_id)
        stored = None if created.spec_blob is None else await self._store.get_blob(created.spec_blob)
        if stored is None:
            plain = replace(created, provenance=provenance, spec_blob=None)
            return _Start(plain, RunSubmitted(definition_blob=None), ())
        spec = replace(msgspec.json.decode(stored, type=RunSpec), run_id=run_id, provenance=provenance)
        own = _blob(msgspec.json.encode(spec), now_ms)
        shared = [await self._store.get_blob(digest) for digest in (spec.manifest_blob, spec.definition_blob)]
        return _Start(
            replace(created, provenance=provenance, spec_blob=own.digest),
            RunSubmitted(definition_blob=spec.definition_blob),
            (own, *(_blob(body, now_ms) for body in shared if body is not None)),
        )

    def _page_of(self, run_id: RunId) -> str | None:
        return None if self._web_url is None else f"{self._web_url}/runs/{run_id}"

    def _start(self, plan: RunPlan, run_id: RunId, provenance: RunProvenance, now_ms: int) -> _Start:
        """What was submitted, and the events that refer to it (runs.md R8.6)."""
        manifest, definition = _blob(plan.manifest, now_ms), _blob(plan.definition, now_ms)
        spec = RunSpec(
            run_id=run_id,
            settings=plan.settings,
            setting_origins=plan.setting_origins,
            graph=plan.graph,
            provenance=provenance,
            graph_source=plan.graph_source,
            workflow_slug=plan.workflow_slug,
            source_directory=plan.source_directory,
            labels=plan.labels,
            git=plan.git,
            manifest_blob=manifest.digest,
            definition_blob=definition.digest,
        )
        spec_blob = _blob(msgspec.json.encode(spec), now_ms)
        created = RunCreated(
            title=plan.title,
            settings=plan.settings,
            graph=plan.graph,
            workflow_source=plan.graph_source,
            labels=plan.labels,
            source_directory=plan.source_directory,
            workflow_slug=plan.workflow_slug,
            provenance=provenance,
            manifest_blob=manifest.digest,
            spec_blob=spec_blob.digest,
            in_place=plan.in_place or None,
            git=plan.git,
            parent_id=plan.parent_id,
            web_url=self._page_of(run_id),
        )
        return _Start(created, RunSubmitted(definition_blob=definition.digest), (manifest, definition, spec_blob))


def _blob(body: bytes, now_ms: int) -> Blob:
    return Blob(digest=hashlib.sha256(body).hexdigest(), body=body, now_ms=now_ms)
