"""What a responder may read (`RunReader`): one run, through the reads of the API, without the values of secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fabro_core.errors import NotFound
from fabro_core.models.ids import RunId
from fabro_core.models.stage import parse_stage_id
from fabro_core.redaction import Redact
from fabro_core.runs.service import Runs
from fabro_core.sessions.base import ChangedFile, EventsRead, Json, OutputRead, RunReader
from fabro_core.store.records import EventQuery

MAX_EVENTS: Final = 1_000
PAGE_BYTES: Final = 2 * 1024 * 1024


class StoredRunReader(RunReader):
    def __init__(self, runs: Runs, run_id: RunId, redact: Redact) -> None:
        self._runs = runs
        self._run_id = run_id
        self._redact = redact

    async def run(self) -> Json:
        return await self._json(self._runs.json_to_the_moment(await self._runs.get(self._run_id)))

    async def state(self) -> Json:
        return await self._json(msgspec.json.encode(await self._runs.read_models.state(self._run_id)))

    async def events(self, *, since_seq: int = 1, limit: int = 100) -> EventsRead:
        return await self._events(limit, after_seq=max(1, since_seq) - 1)

    async def newest_events(self, *, before_seq: int | None = None, limit: int = 100) -> EventsRead:
        return await self._events(limit, before_seq=before_seq, reverse=True)

    async def output(self, stage_id: str, *, offset: int | None = None, limit: int = 65_536) -> OutputRead | None:
        stage = parse_stage_id(stage_id)
        if stage is None:
            return None
        await self._runs.get(self._run_id)
        try:
            whole = await self._runs.outputs.whole(self._run_id, stage)
        except NotFound:
            return None
        # All of it at once, because a secret may lie where a piece begins or ends.
        text = (await self._redact()).text(whole.content.decode(errors="replace"))
        most = max(0, limit)
        begin = max(0, len(text) - most) if offset is None else min(max(0, offset), len(text))
        return OutputRead(text=text[begin : begin + most], offset=begin, total_chars=len(text), complete=whole.complete)

    async def files(self) -> Sequence[ChangedFile]:
        await self._runs.get(self._run_id)
        try:
            changed = await self._runs.files.changed(self._run_id)
        except NotFound:  # nothing was told, and no sandbox could tell
            return []
        redaction = await self._redact()
        return [
            ChangedFile(
                path=redaction.text(each.new_name),
                old_path=redaction.text(each.old_name),
                change=each.kind,
                binary=each.binary,
                additions=each.additions,
                deletions=each.deletions,
                patch=redaction.text(each.text),
            )
            for each in changed.files
        ]

    async def _events(self, limit: int, **place: Any) -> EventsRead:
        query = EventQuery(run_id=self._run_id, limit=min(max(1, limit), MAX_EVENTS), max_bytes=PAGE_BYTES, **place)
        page = await self._runs.read_events(self._run_id, query)
        redaction = await self._redact()
        events = [redaction.value(msgspec.json.decode(each.body)) for each in page.events]
        return EventsRead(events, page.has_more)

    async def _json(self, body: bytes) -> Json:
        read: Json = (await self._redact()).value(msgspec.json.decode(body))
        return read
