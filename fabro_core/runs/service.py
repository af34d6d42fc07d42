"""What can be done with runs, for whoever asks: the API today, pages and commands alike."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import InvalidRequest, NotFound, Refusal, StoreUnavailable, TooBroad
from fabro_core.models.events import JsonObject
from fabro_core.models.ids import RunId
from fabro_core.models.principal import Principal, RunProvenance
from fabro_core.models.run import AutomationRef
from fabro_core.redaction import NOTHING_SECRET, Redact, Redaction, nothing_secret
from fabro_core.runs.attachments.artifacts import RunArtifacts
from fabro_core.runs.attachments.blobs import RunBlobs
from fabro_core.runs.create.create import RunCreator
from fabro_core.runs.create.fork import ForkPoint, fork_point, supersede
from fabro_core.runs.create.planner import Planner
from fabro_core.runs.decide import lifecycle
from fabro_core.runs.decide.answers import answer
from fabro_core.runs.decide.parents import ParentLinks
from fabro_core.runs.decide.pull_request_links import PullRequests
from fabro_core.runs.decide.steering import interrupt, redirect, steer
from fabro_core.runs.fold.ask_fabro import AskFabroSplicer, ResponderNeeds
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.title import valid_title
from fabro_core.runs.fold.wire import run_json, run_json_to_the_moment
from fabro_core.runs.log.entry import Entry
from fabro_core.runs.log.log import Decision, Outcome, RunLog
from fabro_core.runs.log.origin import gives_agents_tools, read_created
from fabro_core.runs.log.reading import EventDetail, event_detail, without_secrets
from fabro_core.runs.off_loop import OffLoop
from fabro_core.runs.pairs import RunPairs
from fabro_core.runs.pictures.direction import Direction
from fabro_core.runs.pictures.pictures import Pictures
from fabro_core.runs.sessions import RunSessions
from fabro_core.runs.settings.stored import ReadStoredSettings, nothing_stored
from fabro_core.runs.views.counting import RunCounts, count_runs
from fabro_core.runs.views.files import RunFiles
from fabro_core.runs.views.find_run import find_run
from fabro_core.runs.views.listing import PageEncoder
from fabro_core.runs.views.output_log import StageOutputs
from fabro_core.runs.views.read_models import ReadModels
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventPage, EventQuery, RunHit, RunQuery, StoredRun


class Fork(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was forked, and where."""

    hit: StoredRun
    point: ForkPoint
    left_over: str | None = None
    """Why a rewind could not archive the source; None: it is archived, or was not to be."""


class Runs:
    """The runs of one store.

    Every method raises `StoreUnavailable` when the store cannot answer; those that take a run id raise `NotFound`
    for an unknown one.
    """

    def __init__(
        self,
        store: RunStore,
        clock: Clock,
        *,
        web_url: str | None,
        read_stored: ReadStoredSettings = nothing_stored,
        responder: ResponderNeeds | None = None,
        redact: Redact = nothing_secret,
    ) -> None:
        """`responder` says what it needs that replies in sessions about runs; None: nothing replies. `redact` says
        which values must not be shown."""
        off_loop = OffLoop()
        self._store = store
        self._clock = clock
        self._redact = redact
        self._log = RunLog(store, clock, redact, off_loop=off_loop)
        self._parents = ParentLinks(store, self._log, clock)
        self.pull_requests = PullRequests(self._log)
        self.blobs = RunBlobs(store, self._log, clock)
        self.artifacts = RunArtifacts(store, self._log, off_loop, clock, redact)
        self.outputs = StageOutputs(store, self._log, redact, off_loop=off_loop)
        self.sessions = RunSessions(store, self._log, clock, redact)
        self.pairs = RunPairs(store, self._log)
        self.files = RunFiles(store, self._log, off_loop)
        self._pictures = Pictures(off_loop)
        self.read_models = ReadModels(store, self._log, off_loop, self._pictures, clock)
        self._completed = None if responder is None else AskFabroSplicer(responder).spliced
        self._pages = PageEncoder(self._completed)
        self.planner = Planner(off_loop, read_stored)
        self._creator = RunCreator(store, self._log, self.planner, clock, web_url=web_url)

    def now_ms(self) -> int:
        """The instant that an answer is counted to, in milliseconds since the epoch."""
        return epoch_ms(self._clock.now())

    async def get(self, run_id: RunId) -> StoredRun:
        return await self._log.get(run_id)

    async def list_json(self, query: RunQuery) -> bytes:
        """The body of a list answer (runs.md R7)."""
        try:
            page = await self._store.list_runs(query)
        except TooBroad as error:
            raise InvalidRequest(
                f"That would take looking at more than {query.max_rows} runs: ask for a workflow, repository, person or"
                " label that has fewer, or for a shorter time.",
                code="too_broad",
            ) from error
        return self._pages.encode(page, offset=query.offset, now_ms=query.now_ms)

    def json(self, hit: RunHit) -> bytes:
        """The Run resource (runs.md R5)."""
        return self._complete(run_json(hit, self.now_ms()))

    def json_to_the_moment(self, stored: StoredRun) -> bytes:
        """The same with every duration of a live run counted to the moment (runs.md R5.7)."""
        return self._complete(run_json_to_the_moment(stored, self.now_ms()))

    def _complete(self, body: bytes) -> bytes:
        return body if self._completed is None else self._completed(body)

    async def count(self) -> RunCounts:
        return await count_runs(self._store, self.now_ms())

    async def resolve(self, selector: str) -> StoredRun:
        """The run a person means (runs.md R12)."""
        return await find_run(self._store, selector)

    async def create(
        self, manifest: bytes, *, provenance: RunProvenance, automation: AutomationRef | None = None
    ) -> StoredRun:
        """Create a run from a manifest; it is not started (runs.md R8). `automation` is what makes it, if one does."""
        return await self._creator.create(manifest, provenance=provenance, automation=automation)

    async def picture(self, manifest: bytes, direction: Direction | None) -> bytes:
        """The SVG of the graph that a run of a manifest would have; None: in the direction that the graph asks for.

        Raises `InvalidRequest` for a manifest that no run can be created from.
        """
        plan = await self.planner.plan(await self.planner.draft(manifest))
        return await self._pictures.draw(bytes(plan.graph), direction)

    async def submit_event(self, run_id: RunId, entry: Entry) -> int:
        """Append an event that a client wrote; returns its sequence number.

        Raises `Conflict` for an archived run and for an event that the run's state forbids (events.md E3).
        """
        return await self._log.submit(run_id, entry)

    async def read_events(self, run_id: RunId, query: EventQuery) -> EventPage:
        """A page of the run's log, for everybody."""
        return without_secrets(await self.read_events_verbatim(run_id, query), await self._redact())

    async def read_events_verbatim(self, run_id: RunId, query: EventQuery) -> EventPage:
        """The same for the run's own worker, which needs what people have told it word by word (events.md E2)."""
        await self._log.get(run_id)
        return await self._store.read(query)

    async def event_detail(self, run_id: RunId, seq: int, *, max_content_bytes: int) -> EventDetail:
        """One event, for everybody; raises `NotFound` for one that is not in the log."""
        return await self._event_detail(run_id, seq, max_content_bytes, await self._redact())

    async def event_detail_verbatim(self, run_id: RunId, seq: int, *, max_content_bytes: int) -> EventDetail:
        """The same for the run's own worker."""
        return await self._event_detail(run_id, seq, max_content_bytes, NOTHING_SECRET)

    async def _event_detail(self, run_id: RunId, seq: int, max_bytes: int, redaction: Redaction) -> EventDetail:
        await self._log.get(run_id)
        return await event_detail(self._store, run_id, seq, max_content_bytes=max_bytes, redaction=redaction)

    async def retitle(self, run_id: RunId, title: str, *, actor: Principal) -> StoredRun:
        """Raises `InvalidRequest` for a title that is not valid (runs.md R5.4)."""
        return (await self._log.change(run_id, lifecycle.retitle(valid_title(title)), actor=actor)).hit

    async def projection(self, run_id: RunId) -> Projection:
        """What the run's log says, in short."""
        return msgspec.json.decode((await self._log.get(run_id)).state, type=Projection)

    async def answer(self, run_id: RunId, question_id: str, submission: JsonObject, *, actor: Principal) -> None:
        """Answer a pending question, once; `submission` is the answer as it was sent.

        Raises `Conflict` when the run takes no answers or the question is not pending, `InvalidRequest` when the
        answer does not fit it (events.md E8).
        """
        await self._log.change(run_id, answer(question_id, submission, self._clock), actor=actor)

    async def steer(self, run_id: RunId, text: str, *, actor: Principal) -> None:
        """Tell the run's agent something; its worker hands it on.

        Raises `InvalidRequest` for a text that is blank or too long, `Conflict` for a run that cannot be steered
        (resources.md X3).
        """
        await self._log.change(run_id, steer(text), actor=actor)

    async def redirect(self, run_id: RunId, text: str, *, actor: Principal) -> None:
        """Interrupt the run's agent and tell it something, in one. Raises what `steer` and `interrupt` do."""
        await self._log.change(run_id, redirect(text), actor=actor)

    async def interrupt(self, run_id: RunId, *, actor: Principal) -> None:
        """Stop what the run's agent does right now. Raises `Conflict` when no agent can be interrupted."""
        await self._log.change(run_id, interrupt, actor=actor)

    async def worker_manages_runs(self, run_id: RunId) -> bool:
        """Whether a worker that takes the run may manage other runs as well (events.md E18).

        Raises `Conflict` for a run that has nothing left to do.
        """
        lifecycle.require_workable(await self.projection(run_id))
        return gives_agents_tools(await read_created(self._store, run_id))

    async def start(self, run_id: RunId, *, actor: Principal) -> StoredRun:
        """A run that the worker of its parent starts waits for an approval first.

        Raises `Conflict` for a run that has been started already.
        """
        return (await self._log.change(run_id, lifecycle.start(actor), actor=actor)).hit

    async def resume(self, run_id: RunId, *, actor: Principal) -> StoredRun:
        """Raises `Conflict` for a run that cannot go on from a checkpoint."""
        return (await self._log.change(run_id, lifecycle.resume, actor=actor)).hit

    async def approve(self, run_id: RunId, *, actor: Principal) -> StoredRun:
        """Raises `Conflict` for a run that does not wait for an approval."""
        return (await self._log.change(run_id, lifecycle.approve, actor=actor)).hit

    async def deny(self, run_id: RunId, reason: str | None, *, actor: Principal) -> StoredRun:
        """Raises `Conflict` for a run that does not wait for an approval."""
        return (await self._log.change(run_id, lifecycle.deny(reason), actor=actor)).hit

    async def pause(self, run_id: RunId, *, actor: Principal) -> StoredRun:
        """Raises `Conflict` for a run that is neither running nor blocked, or is asked something else."""
        return (await self._log.change(run_id, lifecycle.pause, actor=actor)).hit

    async def unpause(self, run_id: RunId, *, actor: Principal) -> StoredRun:
        """Raises `Conflict` for a run that is not paused, or is asked something else."""
        return (await self._log.change(run_id, lifecycle.unpause, actor=actor)).hit

    async def retry(self, run_id: RunId, *, provenance: RunProvenance) -> StoredRun:
        """The new run. Raises `Conflict` for a run that has not ended (runs.md R14)."""
        return await self._creator.retry(await self._log.get(run_id), provenance=provenance)

    async def fork(self, run_id: RunId, target: str | None, *, provenance: RunProvenance) -> Fork:
        """A new run that begins at a checkpoint. Raises `InvalidRequest` for a target that is none (runs.md R14)."""
        run = await self.projection(run_id)
        lifecycle.require_unarchived(run)
        return await self._fork(run, target, provenance)

    async def rewind(self, run_id: RunId, target: str | None, *, provenance: RunProvenance) -> Fork:
        """A fork, and the run archived as superseded by it; `Fork.left_over` tells when that did not succeed.

        Raises `Conflict` for a run that has not ended.
        """
        run = await self.projection(run_id)
        lifecycle.require_retryable(run)
        fork = await self._fork(run, target, provenance)
        try:
            await self._log.change(run_id, supersede(fork.point, fork.hit.id), actor=provenance.subject)
        except Refusal as refusal:
            return replace(fork, left_over=refusal.detail)
        except StoreUnavailable:
            return replace(fork, left_over="The store is unavailable.")
        return fork

    async def _fork(self, run: Projection, target: str | None, provenance: RunProvenance) -> Fork:
        point = fork_point(run, target)
        return Fork(hit=await self._creator.fork(run.id, point, provenance=provenance), point=point)

    async def cancel(self, run_id: RunId, *, actor: Principal) -> StoredRun:
        """Raises `Conflict` for a run that has ended."""
        return (await self._log.change(run_id, lifecycle.cancel, actor=actor)).hit

    async def archive(self, run_id: RunId, *, actor: Principal) -> Outcome:
        """Raises `Conflict` for a run that has not ended."""
        return await self._log.change(run_id, lifecycle.archive, actor=actor)

    async def unarchive(self, run_id: RunId, *, actor: Principal) -> Outcome:
        """Raises `Conflict` for a run that has not ended."""
        return await self._log.change(run_id, lifecycle.unarchive, actor=actor)

    async def link_parent(self, run_id: RunId, parent_id: RunId, *, actor: Principal) -> StoredRun:
        """Raises `InvalidRequest` when the link would make a cycle (runs.md R10)."""
        return await self._parents.link(run_id, parent_id, actor=actor)

    async def unlink_parent(self, run_id: RunId, *, actor: Principal) -> StoredRun:
        return await self._parents.unlink(run_id, actor=actor)

    async def delete(self, run_id: RunId, *, actor: Principal) -> bool:
        """Delete a run that is not active; False when there is none. Raises `Conflict` for an active one."""
        return await self._delete(run_id, lifecycle.remove, actor)

    async def delete_by_force(self, run_id: RunId, *, actor: Principal) -> bool:
        """Delete a run whatever it is doing; False when there is none."""
        return await self._delete(run_id, lifecycle.remove_by_force, actor)

    async def _delete(self, run_id: RunId, decide: Decision, actor: Principal) -> bool:
        """First the log says so, then the run goes: a crash in between leaves a run that a second delete removes."""
        try:
            await self._log.change(run_id, decide, actor=actor)
        except NotFound:
            return False
        await self.artifacts.delete_all(run_id)
        await self.sessions.forget_all(run_id)
        await self._store.delete_run(run_id)
        return True
