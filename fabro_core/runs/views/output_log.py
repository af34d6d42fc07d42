"""What the command of a stage printed (events.md E12), as its last event tells it.

No executor keeps a live file here; so there is no output before the command has ended.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from fabro_core.errors import NotFound
from fabro_core.models.events import RunEvent
from fabro_core.models.ids import RunId
from fabro_core.models.stage import StageId
from fabro_core.redaction import Redact, nothing_secret
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.log import RunLog
from fabro_core.runs.log.reading import read_event
from fabro_core.runs.off_loop import OffLoop
from fabro_core.store.base import RunStore

_BLOB: Final = re.compile(r"blob://sha256/([0-9a-f]{64})")


class OutputSlice(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an output; offsets and sizes in bytes."""

    offset: int
    content: bytes
    total_bytes: int
    complete: bool
    """The command has ended, or none is going to begin: the output will not grow."""
    blob_ref: str | None
    """How the event names the blob that the output is in; None when the output is in the event itself."""
    live_streaming: bool
    """The output was sent while the command was running."""


class _Output(msgspec.Struct, frozen=True):
    """Of a command or of an agent that is one."""

    output: str | None = None
    stdout: str | None = None
    live_streaming: bool | None = None


class StageOutputs:
    """The outputs of one store's stages."""

    def __init__(
        self, store: RunStore, log: RunLog, redact: Redact = nothing_secret, *, off_loop: OffLoop | None = None
    ) -> None:
        """`off_loop` is where secrets are looked for; None: in one that nobody else uses."""
        self._off_loop = off_loop or OffLoop()
        self._redact = redact
        self._store = store
        self._log = log

    async def read(self, run_id: RunId, stage_id: StageId, *, offset: int, limit: int) -> OutputSlice:
        """At most `limit` bytes from `offset` on, which is moved to the end when it is beyond. Raises what `whole`
        does."""
        whole = await self.whole(run_id, stage_id)
        begin = min(offset, whole.total_bytes)
        return replace(whole, offset=begin, content=whole.content[begin : begin + limit])

    async def whole(self, run_id: RunId, stage_id: StageId) -> OutputSlice:
        """All of an output.

        Raises `NotFound` for an unknown run or stage and for an output whose blob is not stored, `StoreUnavailable`.
        """
        run = msgspec.json.decode((await self._log.get(run_id)).state, type=Projection)
        stage = run.stages.get(str(stage_id))
        if stage is None:
            raise NotFound(f"Run {run_id} has no stage {stage_id}.")
        told = _Output() if stage.output_seq is None else await self._told(run_id, stage.output_seq)
        text = told.output or told.stdout or ""
        named = _BLOB.fullmatch(text)
        content = text.encode() if named is None else await self._without_secrets(await self._blob(named[1]))
        return OutputSlice(
            offset=0,
            content=content,
            total_bytes=len(content),
            complete=stage.termination is not None or not stage.open,
            blob_ref=None if named is None else text,
            live_streaming=told.live_streaming or False,
        )

    async def _told(self, run_id: RunId, seq: int) -> _Output:
        event = msgspec.json.decode(await read_event(self._store, run_id, seq), type=RunEvent)
        return msgspec.json.decode(event.properties, type=_Output)

    async def _without_secrets(self, content: bytes) -> bytes:
        """What is in an event has none any more; what a worker has put into a blob, it may have (events.md E2)."""
        redaction = await self._redact()
        if not redaction:
            return content
        return await self._off_loop.run(partial(redaction.content, content), size=len(content))

    async def _blob(self, digest: str) -> bytes:
        body = await self._store.get_blob(digest)
        if body is None:
            raise NotFound(f"The output is in the blob {digest}, which is not stored.")
        return body
