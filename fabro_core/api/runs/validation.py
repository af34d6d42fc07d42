"""Judging a workflow before a run of it is created, over HTTP (runs.md R8.7)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import SVG, Reply, json_reply, picture
from fabro_core.models.manifest import RunManifest
from fabro_core.models.validation import PreflightResponse, ValidateResponse
from fabro_core.runs.create.validation import preflight_response, validate_response
from fabro_core.runs.pictures.direction import Direction


class RenderWorkflowGraphRequest(msgspec.Struct, frozen=True, kw_only=True):
    manifest: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"$ref": "#/components/schemas/RunManifest"})]
    format: Literal["svg"] = "svg"
    direction: Literal["lr", "tb"] | None = None


@operation(
    "POST",
    "/validate",
    id="validateRunManifest",
    tag="Runs",
    summary="Tell what is wrong with a workflow",
    answers={200: ValidateResponse},
    body=RunManifest,
    any_media_type=True,
)
async def validate_run_manifest(call: Call[None, None, bytes]) -> Reply:
    return json_reply(validate_response(await call.services.runs.planner.judge(call.body)))


@operation(
    "POST",
    "/preflight",
    id="runPreflight",
    tag="Runs",
    summary="Tell whether a workflow could be run here",
    answers={200: PreflightResponse},
    body=RunManifest,
    any_media_type=True,
)
async def run_preflight(call: Call[None, None, bytes]) -> Reply:
    return json_reply(preflight_response(await call.services.runs.planner.judge(call.body)))


@operation(
    "POST",
    "/graph/render",
    id="renderWorkflowGraph",
    tag="Runs",
    summary="Draw the graph of a workflow",
    answers={200: str},
    media_type=SVG,
)
async def render_workflow_graph(call: Call[None, None, RenderWorkflowGraphRequest]) -> Reply:
    direction = None if call.body.direction is None else Direction(call.body.direction.upper())
    return picture(await call.services.runs.picture(bytes(call.body.manifest), direction))


ROUTES: Final = (
    validate_run_manifest,
    run_preflight,
    render_workflow_graph,
)
