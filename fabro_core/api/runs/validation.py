"""Judging a workflow before a run of it is created, over HTTP (runs.md R8.7)."""

from __future__ import annotations

from typing import Literal

import msgspec

from fabro_core.errors import NotSupported
from fabro_core.http.body import decode_json, read_body, read_json_body
from fabro_core.http.operation import Operation, operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.http.request import FabroRequest
from fabro_core.models.manifest import RunManifest
from fabro_core.models.validation import PreflightResponse, ValidateResponse
from fabro_core.runs.create.plan import Judgement
from fabro_core.runs.create.validation import preflight_response, validate_response


class RenderWorkflowGraphRequest(msgspec.Struct, frozen=True, kw_only=True):
    manifest: msgspec.Raw
    format: Literal["svg"] = "svg"
    direction: Literal["lr", "tb"] | None = None


@operation(
    "POST",
    "/validate",
    Operation(
        id="validateRunManifest",
        tag="Runs",
        summary="Tell what is wrong with a workflow",
        answers={200: ValidateResponse},
        body=RunManifest,
        errors=(400,),
    ),
)
async def validate_run_manifest(request: FabroRequest) -> Reply:
    return json_reply(validate_response(await _judgement(request, await read_body(request))))


@operation(
    "POST",
    "/preflight",
    Operation(
        id="runPreflight",
        tag="Runs",
        summary="Tell whether a workflow could be run here",
        answers={200: PreflightResponse},
        body=RunManifest,
        errors=(400,),
    ),
)
async def run_preflight(request: FabroRequest) -> Reply:
    return json_reply(preflight_response(await _judgement(request, await read_body(request))))


@operation(
    "POST",
    "/graph/render",
    Operation(
        id="renderWorkflowGraph",
        tag="Runs",
        summary="Draw the graph of a workflow",
        answers={200: str},
        media_type="image/svg+xml",
        body=RenderWorkflowGraphRequest,
        errors=(400, 501),
    ),
)
async def render_workflow_graph(request: FabroRequest) -> Reply:
    drawing = decode_json(await read_json_body(request), RenderWorkflowGraphRequest)
    await _judgement(request, bytes(drawing.manifest))
    raise NotSupported("This server has no renderer of graphs.")


async def _judgement(request: FabroRequest, manifest: bytes) -> Judgement:
    return await request.services.runs.planner.judge(manifest)
