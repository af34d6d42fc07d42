"""Read models of runs over HTTP (events.md E10, E17): state, stages, checkpoint, settings, graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from fabro_core.http.guards import Guard
from fabro_core.http.operation import Operation, operation
from fabro_core.http.paging import PageMeta, PageParams, cut
from fabro_core.http.query import QueryParams, parse_query
from fabro_core.http.reply import Reply, json_bytes, json_reply
from fabro_core.http.request import FabroRequest
from fabro_core.models.checkpoint import RunCheckpoint
from fabro_core.models.run_settings import WorkflowSettings
from fabro_core.models.run_stage import RunStage, StageContextWindow
from fabro_core.models.run_state import RunProjection

GRAPHVIZ = "text/vnd.graphviz"
SVG = "image/svg+xml"


class PaginatedRunStageList(msgspec.Struct, frozen=True):
    data: Sequence[RunStage]
    meta: PageMeta


class GraphParams(QueryParams, frozen=True, kw_only=True):
    direction: Literal["LR", "TB", "BT", "RL"] | None = None


@operation(
    "GET",
    "/runs/{id:str}/state",
    Operation(
        id="getRunState",
        tag="Run Internals",
        summary="Get everything that a run's log adds up to",
        answers={200: RunProjection},
        guard=Guard.TARGET,
        errors=(400, 404),
    ),
)
async def get_run_state(request: FabroRequest) -> Reply:
    return json_reply(await request.services.runs.read_models.state(request.run_id))


@operation(
    "GET",
    "/runs/{id:str}/stages",
    Operation(
        id="listRunStages",
        tag="Run Internals",
        summary="List a run's stages",
        answers={200: PaginatedRunStageList},
        query=PageParams,
        errors=(400, 404),
    ),
)
async def list_run_stages(request: FabroRequest) -> Reply:
    run_id = request.run_id
    params = parse_query(PageParams, request.scope["query_string"])
    page, meta = cut(await request.services.runs.read_models.stages(run_id), params)
    return json_reply(PaginatedRunStageList(page, meta))


@operation(
    "GET",
    "/runs/{id:str}/stages/{stageId:str}/context-window",
    Operation(
        id="getRunStageContextWindow",
        tag="Run Internals",
        summary="Get how full the context window of a stage's agent is",
        answers={200: StageContextWindow},
        guard=Guard.SAME_RUN,
        errors=(400, 404),
    ),
)
async def get_run_stage_context_window(request: FabroRequest) -> Reply:
    window = await request.services.runs.read_models.stage_context_window(request.run_id, request.stage_id)
    return json_reply(window)


@operation(
    "GET",
    "/runs/{id:str}/checkpoint",
    Operation(
        id="retrieveRunCheckpoint",
        tag="Run Internals",
        summary="Get a run's newest checkpoint",
        answers={200: RunCheckpoint | None},
        errors=(400, 404),
    ),
)
async def retrieve_run_checkpoint(request: FabroRequest) -> Reply:
    return json_reply(await request.services.runs.read_models.checkpoint(request.run_id))


@operation(
    "GET",
    "/runs/{id:str}/settings",
    Operation(
        id="retrieveRunSettings",
        tag="Run Internals",
        summary="Get the settings that a run was created with",
        answers={200: WorkflowSettings},
        errors=(400, 404),
    ),
)
async def retrieve_run_settings(request: FabroRequest) -> Reply:
    return json_bytes(await request.services.runs.read_models.settings_json(request.run_id))


@operation(
    "GET",
    "/runs/{id:str}/graph/source",
    Operation(
        id="retrieveRunGraphSource",
        tag="Runs",
        summary="Get the text of a run's graph",
        answers={200: str},
        media_type=GRAPHVIZ,
        errors=(400, 404),
    ),
)
async def retrieve_run_graph_source(request: FabroRequest) -> Reply:
    source = await request.services.runs.read_models.graph_source(request.run_id)
    return Reply(200, source.encode(), ((b"content-type", GRAPHVIZ.encode()),))


@operation(
    "GET",
    "/runs/{id:str}/graph",
    Operation(
        id="retrieveRunGraph",
        tag="Runs",
        summary="Get a picture of a run's graph",
        answers={200: str},
        media_type=SVG,
        query=GraphParams,
        errors=(400, 404, 501),
    ),
)
async def retrieve_run_graph(request: FabroRequest) -> Reply:
    run_id = request.run_id
    parse_query(GraphParams, request.scope["query_string"])
    svg = await request.services.runs.read_models.graph_svg(run_id)
    return Reply(200, svg, ((b"content-type", SVG.encode()),))
