"""What the scripts are told of an append, and what their answers about runs mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fabro_core.store import (
    AppendBatch,
    Bucket,
    EventRecord,
    RunHit,
    RunPage,
    RunRow,
    RunSort,
    StoredRun,
    TooBroad,
    WorkflowHit,
)
from fabro_store_redis.packing import argument, lua_string, number_key, pack, text_key


class StoredHit(msgspec.Struct, frozen=True, array_like=True):
    """What a list shows of a run, as it is stored."""

    id: str
    seq: int
    bucket: int
    begun_ms: int
    live: bool
    body: bytes


class _Hit(msgspec.Struct, frozen=True, array_like=True):
    stored: StoredHit
    children_count: int
    queue_position: int | None


class _HitWithState(msgspec.Struct, frozen=True, array_like=True):
    stored: StoredHit
    children_count: int
    queue_position: int | None
    state: bytes


class _Page(msgspec.Struct, frozen=True, array_like=True):
    total: int
    hits: tuple[_Hit, ...]


class _Workflow(msgspec.Struct, frozen=True, array_like=True):
    pair: str
    newest_run_id: str


_PAGE: Final = msgspec.msgpack.Decoder(_Page | None)
_RUN: Final = msgspec.msgpack.Decoder(_HitWithState | None)
_WORKFLOWS: Final = msgspec.msgpack.Decoder(tuple[_Workflow, ...])
_PAIR: Final = msgspec.json.Decoder(tuple[str | None, str | None])

BEGUN: Final = "begun"
"""The key of a run that has not ended, in place of `RunSort.ELAPSED`: it does not move with the clock. It holds the
complement of the start, because who began first has run the longest."""


def append_argument(batch: AppendBatch, *, hint: str) -> bytes:
    """The argument of the script `append`; `hint` is what it publishes."""
    row = batch.row
    return argument(
        id=batch.run_id,
        expected=batch.expected_seq,
        index=lua_string(_index(row)),
        hit=lua_string(_hit(row)),
        state=lua_string(row.state),
        title=lua_string(row.title_text.encode()),
        events=[_event(event) for event in batch.events],
        hint=hint,
    )


def run_of(answer: bytes) -> StoredRun | None:
    """The run that the script `get_run` has found."""
    found = _RUN.decode(answer)
    return None if found is None else StoredRun(**_columns(found), state=found.state)


def page_of(answer: bytes) -> RunPage:
    """The page that a script has put together. Raises `TooBroad`."""
    page = _PAGE.decode(answer)
    if page is None:
        raise TooBroad
    return RunPage(hits=tuple(RunHit(**_columns(hit)) for hit in page.hits), total=page.total)


def workflows_of(answer: bytes) -> Sequence[WorkflowHit]:
    """The workflows that the script `workflows` has found."""
    found = []
    for each in _WORKFLOWS.decode(answer):
        slug, name = _PAIR.decode(each.pair)
        found.append(WorkflowHit(slug=slug, name=name, newest_run_id=each.newest_run_id))
    return found


def tag_key(tag: str, seq: int) -> bytes:
    """The place of an event among those that have the tag."""
    return text_key(tag) + seq.to_bytes(8, "big")


def _hit(row: RunRow) -> bytes:
    return pack(StoredHit(row.id, row.seq, row.bucket, row.begun_ms, row.elapsed_ms is None, row.body))


def _index(row: RunRow) -> bytes:
    """Where the run is found: what decides which sorted sets it is in, and its place in each."""
    keys = {
        RunSort.CREATED_AT: number_key(row.created_ms),
        RunSort.UPDATED_AT: number_key(row.updated_ms),
        RunSort.REPO: text_key(row.repo_key),
        RunSort.TITLE: text_key(row.title_key),
        RunSort.WORKFLOW: text_key(row.workflow_key),
        RunSort.CHANGES: number_key(row.changes),
        RunSort.SIZE: number_key(row.size),
    }
    moving = (BEGUN, ~row.begun_ms) if row.elapsed_ms is None else (RunSort.ELAPSED, row.elapsed_ms)
    # JSON has no zero byte, so the one after it ends the pair.
    workflow = msgspec.json.encode((row.workflow_slug, row.workflow_name)) + b"\x00"
    return pack(
        {
            "bucket": row.bucket,
            "parent": row.parent_id,
            "facets": row.facets,
            "workflow": lua_string(workflow),
            "keys": {
                **{str(sort): lua_string(key) for sort, key in keys.items()},
                str(moving[0]): lua_string(number_key(moving[1])),
            },
        }
    )


def _event(event: EventRecord) -> tuple[msgspec.Raw, list[msgspec.Raw]]:
    record = pack((event.seq, event.kind, event.body, event.tags))
    return lua_string(record), [lua_string(tag_key(tag, event.seq)) for tag in event.tags]


def _columns(hit: _Hit | _HitWithState) -> dict[str, Any]:
    """The fields of a `RunHit`."""
    stored = hit.stored
    return {
        "id": stored.id,
        "seq": stored.seq,
        "bucket": Bucket(stored.bucket),
        "begun_ms": stored.begun_ms,
        "live": stored.live,
        "body": stored.body,
        "children_count": hit.children_count,
        "queue_position": hit.queue_position,
    }
