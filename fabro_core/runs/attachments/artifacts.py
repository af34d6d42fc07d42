"""Artifacts: the files that the stages of a run leave behind (events.md E14).

The contents are blobs; a document per stage lists them. A file exists from the moment it is in its stage's document,
which is compared and set, so that the files of one upload appear together or not at all. Every reader asks for the run
first: what a crash leaves of a deleted run, nobody sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from fabro_core.clock import Clock, epoch_ms
from fabro_core.documents.collection import Documents
from fabro_core.errors import Conflict, InvalidRequest, NotFound
from fabro_core.models.graph import Handler
from fabro_core.models.ids import RunId
from fabro_core.models.stage import StageId
from fabro_core.models.status import RunStatusRemoving
from fabro_core.redaction import Redact
from fabro_core.runs.decide.lifecycle import require_unarchived
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.log import RunLog
from fabro_core.runs.log.origin import read_created
from fabro_core.runs.off_loop import OffLoop
from fabro_core.runs.paths import artifact_path_fault, folder_and_file, unpackable
from fabro_core.runs.workflow.handlers import stored_handlers
from fabro_core.store.base import RunStore
from fabro_core.store.records import Blob

MAX_FILES_OF_STAGE: Final = 10_000
"""Each upload reads and writes the list of them."""

_BEFORE_KNOWN_STAGES = -1
_NO_WORK = frozenset({Handler.START, Handler.EXIT})


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A file that has been received and checked, and is not kept yet."""

    path: str
    size: int
    """In bytes."""
    digest: str
    """SHA-256 of the content, 64 lower-case hex digits."""
    read: Callable[[], bytes]
    """The content; called once."""


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a stage left behind, as its document lists it."""

    path: str
    retry: int
    """The attempt at the stage that made it, from 0."""
    size: int
    digest: str


class StageArtifacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage left behind, by path, then retry."""

    stage_id: str
    artifacts: tuple[Artifact, ...] = ()


class RunArtifacts:
    """The artifacts of one store's runs. A path in which a secret occurs is kept, and found, without it.

    Every method raises `StoreUnavailable`; those that are given a run raise `NotFound` for an unknown one.
    """

    def __init__(self, store: RunStore, log: RunLog, off_loop: OffLoop, clock: Clock, redact: Redact) -> None:
        self._redact = redact
        self._store = store
        self._log = log
        self._off_loop = off_loop
        self._clock = clock
        self._stages = Documents(
            store, clock, "runs.artifacts", StageArtifacts, owner=lambda key, _: key.partition("/")[0]
        )

    async def keep(self, run_id: RunId, stage_id: StageId, retry: int, arrivals: Sequence[Arrival]) -> None:
        """Keep files of one attempt at a stage, all or none; a path that the attempt has already is replaced.

        Raises `Conflict` for a run that is archived or being deleted and for a stage that has too many files,
        `InvalidRequest` for a path that is the folder of another one, `Contended` when other servers were first too
        often.
        """
        _require_open(await self._projection(run_id))
        redaction = await self._redact()
        paths = [redaction.text(each.path) for each in arrivals]
        _require_beside_each_other(paths)
        for arrival in arrivals:
            await self._store.put_blob(
                Blob(digest=arrival.digest, body=arrival.read(), now_ms=epoch_ms(self._clock.now()))
            )
        kept = [
            Artifact(path=path, retry=retry, size=each.size, digest=each.digest)
            for path, each in zip(paths, arrivals, strict=True)
        ]
        await self._enter(run_id, stage_id, kept)
        await self._withdraw_from_deleted(run_id, stage_id)

    async def of_stage(self, run_id: RunId, stage_id: StageId) -> tuple[Artifact, ...]:
        """The files of a stage, none for one that nobody has heard of; by path, then retry."""
        await self._log.get(run_id)
        stage = await self._stages.get(_key(run_id, stage_id))
        return () if stage is None else stage.body.artifacts

    async def of_run(self, run_id: RunId) -> list[StageArtifacts]:
        """The files of every stage that has some, in the order of the stages."""
        return [stage for _, stage in await self._in_order(run_id, await self._projection(run_id))]

    async def read(self, run_id: RunId, stage_id: StageId, retry: int, path: str) -> bytes:
        """The content of a file, whatever its path is by the rules of today.

        Raises `NotFound` also for one that the attempt did not leave, `InvalidRequest` for one that none can leave.
        """
        named = (path, (await self._redact()).text(path))
        for artifact in await self.of_stage(run_id, stage_id):
            if artifact.path in named and artifact.retry == retry:
                return await self.content(artifact)
        require_artifact_path(path)
        raise NotFound(f"Stage {stage_id} has no artifact {path!r} of retry {retry}.")

    async def newest_of_run(self, run_id: RunId) -> list[Artifact]:
        """For each path its newest version, by stage, then retry; in the order of the paths.

        What the start and exit nodes left is not the run's work, and is left out.
        """
        stages = await self._in_order(run_id, await self._projection(run_id))
        handlers = await self._handlers(run_id)
        versions = [
            (rank, each.retry, stage.stage_id, each)
            for rank, stage in stages
            if handlers.get(node_of(stage.stage_id)) not in _NO_WORK
            for each in stage.artifacts
        ]
        newest = {each.path: each for *_, each in sorted(versions, key=lambda version: version[:3])}
        return [newest[path] for path in sorted(newest)]

    async def content(self, artifact: Artifact) -> bytes:
        """The content of a file that is listed."""
        body = await self._store.get_blob(artifact.digest)
        if body is None:
            raise NotFound(f"The content of the artifact {artifact.path!r} is not stored.")
        return body

    async def unpackable(self, artifacts: Sequence[Artifact]) -> Mapping[str, str]:
        """For each path, the name with which it can be unpacked anywhere. Raises `Overloaded`."""
        paths = [artifact.path for artifact in artifacts]
        return await self._off_loop.run(partial(unpackable, paths), size=sum(map(len, paths)))

    async def delete_all(self, run_id: RunId) -> None:
        """Forget the artifacts of a run that is being deleted; their contents may be those of other runs too."""
        async for stage in self._stages.walk(owner=run_id):
            await self._stages.delete(stage.key)

    async def _projection(self, run_id: RunId) -> Projection:
        return msgspec.json.decode((await self._log.get(run_id)).state, type=Projection)

    async def _in_order(self, run_id: RunId, run: Projection) -> list[tuple[int, StageArtifacts]]:
        """Stages with their ranks. Those that the log does not know come first: nothing tells that they are later
        than those it knows."""
        ranks = {stage_id: stage.first_event_seq for stage_id, stage in run.stages.items()}
        found = [stage.body async for stage in self._stages.walk(owner=run_id)]
        ranked = [(ranks.get(each.stage_id, _BEFORE_KNOWN_STAGES), each) for each in found]
        return sorted(ranked, key=lambda each: (each[0], each[1].stage_id))

    async def _handlers(self, run_id: RunId) -> Mapping[str, Handler]:
        """What executes the nodes of the run's graph."""
        graph = bytes((await read_created(self._store, run_id)).graph)
        return await self._off_loop.run(partial(stored_handlers, graph), size=len(graph))

    async def _enter(self, run_id: RunId, stage_id: StageId, kept: Sequence[Artifact]) -> None:
        async def enter(stage: StageArtifacts | None) -> StageArtifacts:
            before = () if stage is None else stage.artifacts
            _require_beside_each_other([each.path for each in kept], [each.path for each in before])
            listed = {(each.path, each.retry): each for each in (*before, *kept)}
            if len(listed) > MAX_FILES_OF_STAGE:
                raise Conflict(f"A stage has at most {MAX_FILES_OF_STAGE} artifacts.")
            return StageArtifacts(stage_id=str(stage_id), artifacts=tuple(listed[each] for each in sorted(listed)))

        await self._stages.update(_key(run_id, stage_id), enter)

    async def _withdraw_from_deleted(self, run_id: RunId, stage_id: StageId) -> None:
        """Take back what was entered after a delete had looked for documents.

        A delete marks the run before it looks; so either it sees the document, or this sees the mark.
        """
        hit = await self._store.get_run(run_id)
        if hit is None or _removing(msgspec.json.decode(hit.state, type=Projection)):
            await self._stages.delete(_key(run_id, stage_id))
            raise NotFound(f"Run {run_id} not found.")


def require_artifact_path(path: str) -> str:
    """`path` itself. Raises `InvalidRequest` when no file may be kept under it (events.md E14)."""
    fault = artifact_path_fault(path)
    if fault is not None:
        raise InvalidRequest(f"The path of an artifact {fault}.")
    return path


def _require_beside_each_other(new: Sequence[str], known: Sequence[str] = ()) -> None:
    both = folder_and_file(new, known)
    if both is not None:
        raise InvalidRequest(f"The path {both!r} cannot be that of a file and of a folder.")


def node_of(stage_id: str) -> str:
    """The node of a stage id that is well-formed."""
    return stage_id.rpartition("@")[0]


def _require_open(run: Projection) -> None:
    require_unarchived(run)
    if _removing(run):
        raise Conflict("The run is being deleted.")


def _removing(run: Projection) -> bool:
    return isinstance(run.status, RunStatusRemoving)


def _key(run_id: RunId, stage_id: StageId) -> str:
    return f"{run_id}/{stage_id}"
