"""Working with an agent of a run over HTTP (resources.md X4)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final

import msgspec

from fabro_core.api.runs.events import EventLimit, Seq
from fabro_core.api.runs.paths import RunPath
from fabro_core.errors import InvalidRequest
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.query import QueryParams
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.ids import PairId
from fabro_core.models.pair import PairMessageRecord, PairRecord, PairTranscriptEntry, RunPairStatusResponse
from fabro_core.models.stage import parse_stage_id
from fabro_core.runs.decide.pairs import MAX_TEXT_BYTES

pairs = partial(operation, tag="Human-in-the-Loop", guard=Guard.TARGET)


class PairPath(RunPath, frozen=True, kw_only=True):
    pair_id: PairId


class TranscriptParams(QueryParams, frozen=True, kw_only=True):
    since_seq: Seq = 1
    limit: EventLimit = 100


class PairStartRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stage_id: str


class PairMessageRequest(msgspec.Struct, frozen=True, kw_only=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_BYTES)]
    client_message_id: str | None = None


class PairTranscriptMeta(msgspec.Struct, frozen=True):
    next_since_seq: Annotated[int, msgspec.Meta(ge=1)]
    """Where the next page begins."""
    has_more: bool


class PairTranscriptResponse(msgspec.Struct, frozen=True):
    data: Sequence[PairTranscriptEntry]
    meta: PairTranscriptMeta


@pairs(
    "GET",
    "/runs/{id}/pair",
    id="getRunPairStatus",
    summary="Tell who works with an agent of a run",
    answers={200: RunPairStatusResponse},
    errors=(404,),
)
async def get_run_pair_status(call: Call[RunPath]) -> Reply:
    return json_reply(await call.services.runs.pairs.status(call.path.id))


@pairs(
    "POST",
    "/runs/{id}/pair",
    id="startRunPair",
    summary="Work with an agent of a run",
    answers={200: PairRecord},
    errors=(404, 409, 503),
)
async def start_run_pair(call: Call[RunPath, None, PairStartRequest]) -> Reply:
    stage_id = parse_stage_id(call.body.stage_id)
    if stage_id is None:
        raise InvalidRequest("stage_id: must be NODE@VISIT.")
    await call.services.runs.pairs.start(call.path.id, stage_id)


@pairs(
    "GET",
    "/runs/{id}/pair/{pair_id}",
    id="getRunPair",
    summary="Get a pair",
    answers={200: PairRecord},
    errors=(404,),
)
async def get_run_pair(call: Call[PairPath]) -> Reply:
    return json_reply(await call.services.runs.pairs.get(call.path.id, call.path.pair_id))


@pairs(
    "DELETE",
    "/runs/{id}/pair/{pair_id}",
    id="endRunPair",
    summary="Leave the agent alone",
    answers={200: PairRecord},
    errors=(404, 409, 503),
)
async def end_run_pair(call: Call[PairPath]) -> Reply:
    await call.services.runs.pairs.end(call.path.id, call.path.pair_id)


@pairs(
    "POST",
    "/runs/{id}/pair/{pair_id}/messages",
    id="sendRunPairMessage",
    summary="Say something to the agent",
    answers={202: PairMessageRecord},
    errors=(404, 409, 503),
)
async def send_run_pair_message(call: Call[PairPath, None, PairMessageRequest]) -> Reply:
    await call.services.runs.pairs.say(call.path.id, call.path.pair_id, call.body.text)


@pairs(
    "GET",
    "/runs/{id}/pair/{pair_id}/transcript",
    id="getRunPairTranscript",
    summary="List what was said and done",
    answers={200: PairTranscriptResponse},
    errors=(404,),
)
async def get_run_pair_transcript(call: Call[PairPath, TranscriptParams]) -> Reply:
    page = await call.services.runs.pairs.transcript(
        call.path.id, call.path.pair_id, since_seq=call.query.since_seq, limit=call.query.limit
    )
    meta = PairTranscriptMeta(page.next_since_seq, page.has_more)
    return json_reply(PairTranscriptResponse(page.entries, meta))


REFUSED: Final = (start_run_pair, end_run_pair, send_run_pair_message)
"""What is checked, and then refused as long as nothing reaches the worker of a run."""

ROUTES: Final = (
    get_run_pair_status,
    start_run_pair,
    get_run_pair,
    end_run_pair,
    send_run_pair_message,
    get_run_pair_transcript,
)
