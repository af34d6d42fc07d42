"""The whole of a run's state (events.md E10.1): the stored projection, and what only the log has.

The projection has every fact that a rule or a summary needs. Texts, checkpoints and what the run was made of are read
from the log, page by page; answering takes time and memory that grow with the log, and others get their turn meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec

from fabro_core.errors import NotFound
from fabro_core.models.billing import NO_TOKENS
from fabro_core.models.events import PROPERTIES, Properties, RunCompleted, RunCreated, RunEvent, RunFailed, RunSubmitted
from fabro_core.models.instant import ms_of_instant
from fabro_core.models.run_state import (
    CheckpointRecord,
    Conclusion,
    PendingInterviewRecord,
    RunDiff,
    RunProjection,
    RunSpec,
    StartRecord,
)
from fabro_core.models.stage import StageOutcome, parse_stage_id
from fabro_core.models.stage_state import StageInferenceProjection, StageProjection, StageToolBatchProjection
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.stage_table import Stage
from fabro_core.runs.fold.stages import stage_of
from fabro_core.runs.views.belongings import servers_with_use, tools_with_use
from fabro_core.runs.views.checkpoints import read_checkpoint
from fabro_core.runs.views.stage_texts import TEXTUAL, StageTexts
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery, EventRecord

_PAGE_EVENTS = 200
_PAGE_BYTES = 512 * 1024
"""Short enough that others hardly notice; some ten milliseconds."""


async def run_state(store: RunStore, run: Projection) -> RunProjection:
    """The state of a run as of its projection. Raises `NotFound` when the run has been deleted since."""
    reading = _Reading(run)
    after_seq = 0
    while after_seq < run.seq:
        query = EventQuery(
            run_id=run.id, after_seq=after_seq, before_seq=run.seq + 1, limit=_PAGE_EVENTS, max_bytes=_PAGE_BYTES
        )
        page = await store.read(query)
        if not page.events:
            raise NotFound(f"Run {run.id} not found.")
        for record in page.events:
            reading.take(record)
        after_seq = page.events[-1].seq
        await asyncio.sleep(0)
    return reading.state()


class _Reading:
    """The log of one run, read up to some event."""

    def __init__(self, run: Projection) -> None:
        self._run = run
        self._created: RunCreated | None = None
        self._definition_blob: str | None = None
        self._conclusion: Conclusion | None = None
        self._checkpoints: list[CheckpointRecord] = []
        self._texts: dict[str, StageTexts] = {}
        self._visits: dict[str, int] = {}
        """The highest visit to each node that there was before the next event."""
        self._later = iter(sorted(run.stages.items(), key=lambda each: each[1].first_event_seq))
        self._next = next(self._later, None)

    def take(self, record: EventRecord) -> None:
        """Go on with the next event."""
        while self._next is not None and self._next[1].first_event_seq < record.seq:
            stage_id = parse_stage_id(self._next[0])
            if stage_id is not None:
                self._visits[stage_id.node] = max(stage_id.visit, self._highest_visit(stage_id.node))
            self._next = next(self._later, None)
        if record.kind not in _READ:
            return
        event = msgspec.json.decode(record.body, type=RunEvent)
        properties = msgspec.json.decode(event.properties, type=PROPERTIES[event.event])
        if record.kind in TEXTUAL:
            self._take_text(event, properties)
        if record.kind == "checkpoint.completed":
            self._take_checkpoint(record)
        match properties:
            case RunCreated():
                self._created = properties
            case RunSubmitted(definition_blob=digest):
                self._definition_blob = digest
            case RunCompleted() | RunFailed() if record.seq == self._run.concluded_seq:
                self._conclusion = _conclusion(event, properties)

    def _take_text(self, event: RunEvent, properties: Properties) -> None:
        key = stage_of(event, properties, highest_visit=self._highest_visit)
        if key is not None:
            texts = self._texts.get(key)
            if texts is None:
                texts = self._texts[key] = StageTexts()
            texts.take(event, properties)

    def _highest_visit(self, node: str) -> int:
        return self._visits.get(node, 1)

    def _take_checkpoint(self, record: EventRecord) -> None:
        logged = read_checkpoint(record.body)
        diff = RunDiff(patch=logged.patch, summary=logged.summary)
        self._checkpoints.append(CheckpointRecord(seq=record.seq, checkpoint=logged.checkpoint, diff=diff))

    def state(self) -> RunProjection:
        """The state as of the whole log."""
        run, created = self._run, self._created
        if created is None:
            raise ValueError("a log begins with run.created")
        return RunProjection(
            title=run.title,
            spec=_spec(run.id, created, self._definition_blob),
            start=_start(run),
            status=run.status,
            status_updated_at=run.status_updated_at,
            last_event_at=run.last_event_at,
            pending_control=run.pending_control,
            checkpoints=self._checkpoints,
            conclusion=self._conclusion,
            sandbox=run.sandbox,
            pull_request=run.pull_request,
            superseded_by=run.superseded_by,
            pending_interviews={
                key: PendingInterviewRecord(question=asked.question, started_at=asked.started_at)
                for key, asked in run.questions.items()
            },
            stages={key: _stage(stage, self._texts.get(key) or StageTexts()) for key, stage in run.stages.items()},
            parent_id=run.parent_id,
            web_url=run.web_url,
            approval=run.approval,
            archived_at=run.archived_at,
            pull_request_creation=run.pull_request_creation,
            retried_from=run.retried_from,
        )


_READ = TEXTUAL | {"run.created", "run.submitted", "run.completed", "run.failed"}
"""Names of the events that are decoded; all others add nothing to what the projection has."""


def _spec(run_id: str, created: RunCreated, definition_blob: str | None) -> RunSpec:
    return RunSpec(
        run_id=run_id,
        settings=created.settings,
        graph=created.graph,
        labels=created.labels,
        provenance=created.provenance,
        graph_source=created.workflow_source,
        workflow_slug=created.workflow_slug,
        workflow_version_id=created.workflow_version_id,
        automation=created.automation,
        source_directory=created.source_directory,
        manifest_blob=created.manifest_blob,
        definition_blob=definition_blob,
        spec_blob=created.spec_blob,
        git=created.git,
        fork_source_ref=created.fork_source_ref,
    )


def _start(run: Projection) -> StartRecord | None:
    start = run.start
    if start is None:
        return None
    return StartRecord(start_time=start.start_time, run_branch=start.run_branch, base_sha=start.base_sha)


def _conclusion(event: RunEvent, ended: RunCompleted | RunFailed) -> Conclusion:
    return Conclusion(
        timestamp=event.ts,
        status=msgspec.convert(ended.status, StageOutcome) if isinstance(ended, RunCompleted) else "failed",
        timing=ended.timing,
        failure=ended.failure if isinstance(ended, RunFailed) else None,
        final_git_commit_sha=ended.final_git_commit_sha,
        stages=(),
        billing=ended.billing,
        total_retries=0,
        diff=RunDiff(patch=ended.final_patch, summary=ended.diff_summary),
    )


# -- stages ---------------------------------------------------------------------------------------------------------


def _stage(stage: Stage, texts: StageTexts) -> StageProjection:
    return StageProjection(
        first_event_seq=stage.first_event_seq,
        state=stage.state,
        prompt=texts.prompt,
        response=texts.response,
        completion=texts.completion,
        provider_used=stage.provider_used,
        diff=texts.diff,
        script_invocation=texts.script_invocation,
        script_timing=texts.script_timing,
        parallel_results=texts.parallel_results,
        output=texts.output,
        timing=stage.timing,
        usage=stage.usage or NO_TOKENS,
        agent_control=stage.agent_control,
        parallel_branch_id=stage.parallel_branch_id,
        output_bytes=texts.output_bytes,
        live_streaming=texts.live_streaming,
        termination=stage.termination,
        started_at=stage.started_at,
        live_inference_ms=stage.live_inference_ms,
        live_tool_ms=stage.live_tool_ms,
        tool_batch=max(_tool_batches(stage), key=_begun_ms, default=None),
        inference=max(_model_calls(stage, texts), key=_begun_ms, default=None),
        model=stage.model,
        todos=None if texts.todos is None else texts.todos.projection(),
        subagents=list(texts.subagents.values()),
        skills=texts.skills,
        permission_level=texts.permission_level,
        agent_tools=tools_with_use(texts.tools, texts.called),
        mcp_servers=servers_with_use(texts.servers, texts.tools, texts.called),
        context_window=texts.context_window,
        acp_started_at=texts.acp_started_at,
        graph_visit=stage.graph_visit,
        resumed_from_stage_id=stage.resumed_from_stage_id,
        handler=stage.handler,
    )


def _tool_batches(stage: Stage) -> Iterator[StageToolBatchProjection]:
    """The open batches; a stage shows the newest of them."""
    for session, batch in stage.tools.items():
        yield StageToolBatchProjection(session_id=session, started_at=batch.opened_at, open_call_ids=batch.calls)


def _model_calls(stage: Stage, texts: StageTexts) -> Iterator[StageInferenceProjection]:
    """The open model calls; a stage shows the newest of them."""
    for session, opened_at in stage.inference.items():
        call = texts.model_calls[session]
        yield StageInferenceProjection(
            session_id=session,
            started_at=opened_at,
            requested_model=call.requested_model,
            first_output_at=call.first_output_at,
            first_output_kind=call.first_output_kind,
            retries=call.retries,
        )


def _begun_ms(bracket: StageToolBatchProjection | StageInferenceProjection) -> int:
    return ms_of_instant(bracket.started_at)
