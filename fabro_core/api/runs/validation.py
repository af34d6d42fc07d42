"""Judging a workflow before a run of it is created, over HTTP (runs.md R8.7)."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from fabro_core.errors import NotSupported
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.manifest import RunManifest
from fabro_core.models.validation import PreflightResponse, ValidateResponse
from fabro_core.runs.create.validation import preflight_response, validate_response


class RenderWorkflowGraphRequest(msgspec.Struct, frozen=True, kw_only=True):
    manifest: msgspec.Raw
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
    media_type="image/svg+xml",
    errors=(501,),
)
async def render_workflow_graph(call: Call[None, None, RenderWorkflowGraphRequest]) -> Reply:
    await call.services.runs.planner.judge(bytes(call.body.manifest))
    raise NotSupported("This server has no renderer of graphs.")


ROUTES: Final = (
    validate_run_manifest,
    run_preflight,
    render_workflow_graph,
)
