"""Read models of runs over HTTP (events.md E10, E17): state, stages, checkpoint, settings, graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from fabro_core.api.runs.paths import RunPath, StagePath
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import Either, operation
from fabro_core.http.paging import PageMeta, PageParams, cut
from fabro_core.http.query import QueryParams
from fabro_core.http.reply import SVG, Reply, json_bytes, json_reply, picture
from fabro_core.models.checkpoint import RunCheckpoint
from fabro_core.models.run_settings import WorkflowSettings
from fabro_core.models.run_stage import RunStage, StageContextWindow
from fabro_core.models.run_state import RunProjection
from fabro_core.models.setting_origins import RunSettingsWithOrigins
from fabro_core.runs.pictures.direction import Direction

GRAPHVIZ = "text/vnd.graphviz"


class PaginatedRunStageList(msgspec.Struct, frozen=True):
    data: Sequence[RunStage]
    meta: PageMeta


class GraphParams(QueryParams, frozen=True, kw_only=True):
    direction: Direction | None = None


class SettingsParams(QueryParams, frozen=True, kw_only=True):
    origins: bool = False


@operation(
    "GET",
    "/runs/{id}/state",
    id="getRunState",
    tag="Run Internals",
    summary="Get everything that a run's log adds up to",
    answers={200: RunProjection},
    guard=Guard.TARGET,
    errors=(404,),
)
async def get_run_state(call: Call[RunPath]) -> Reply:
    return json_reply(await call.services.runs.read_models.state(call.path.id))


@operation(
    "GET",
    "/runs/{id}/stages",
    id="listRunStages",
    tag="Run Internals",
    summary="List a run's stages",
    answers={200: PaginatedRunStageList},
    errors=(404,),
)
async def list_run_stages(call: Call[RunPath, PageParams]) -> Reply:
    page, meta = cut(await call.services.runs.read_models.stages(call.path.id), call.query)
    return json_reply(PaginatedRunStageList(page, meta))


@operation(
    "GET",
    "/runs/{id}/stages/{stageId}/context-window",
    id="getRunStageContextWindow",
    tag="Run Internals",
    summary="Get how full the context window of a stage's agent is",
    answers={200: StageContextWindow},
    guard=Guard.SAME_RUN,
    errors=(404,),
)
async def get_run_stage_context_window(call: Call[StagePath]) -> Reply:
    window = await call.services.runs.read_models.stage_context_window(call.path.id, call.path.stage_id)
    return json_reply(window)


@operation(
    "GET",
    "/runs/{id}/checkpoint",
    id="retrieveRunCheckpoint",
    tag="Run Internals",
    summary="Get a run's newest checkpoint",
    answers={200: RunCheckpoint | None},
    errors=(404,),
)
async def retrieve_run_checkpoint(call: Call[RunPath]) -> Reply:
    return json_reply(await call.services.runs.read_models.checkpoint(call.path.id))


@operation(
    "GET",
    "/runs/{id}/settings",
    id="retrieveRunSettings",
    tag="Run Internals",
    summary="Get the settings that a run was created with",
    answers={200: Either((WorkflowSettings, RunSettingsWithOrigins))},
    errors=(404,),
)
async def retrieve_run_settings(call: Call[RunPath, SettingsParams]) -> Reply:
    read_models = call.services.runs.read_models
    read = read_models.settings_with_origins_json if call.query.origins else read_models.settings_json
    return json_bytes(await read(call.path.id))


@operation(
    "GET",
    "/runs/{id}/graph/source",
    id="retrieveRunGraphSource",
    tag="Runs",
    summary="Get the text of a run's graph",
    answers={200: str},
    media_type=GRAPHVIZ,
    errors=(404,),
)
async def retrieve_run_graph_source(call: Call[RunPath]) -> Reply:
    source = await call.services.runs.read_models.graph_source(call.path.id)
    return Reply(200, source.encode(), ((b"content-type", GRAPHVIZ.encode()),))


@operation(
    "GET",
    "/runs/{id}/graph",
    id="retrieveRunGraph",
    tag="Runs",
    summary="Get a picture of a run's graph",
    answers={200: str},
    media_type=SVG,
    errors=(404,),
)
async def retrieve_run_graph(call: Call[RunPath, GraphParams]) -> Reply:
    return picture(await call.services.runs.read_models.graph_svg(call.path.id, call.query.direction))


ROUTES: Final = (
    get_run_state,
    list_run_stages,
    get_run_stage_context_window,
    retrieve_run_checkpoint,
    retrieve_run_settings,
    retrieve_run_graph_source,
    retrieve_run_graph,
)
