"""Artifacts over HTTP (events.md E14): upload, list, download."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import msgspec

from fabro_core.api.runs.artifact_upload import (
    FORM,
    MAX_BODY_BYTES,
    ONE_FILE,
    ArtifactBatchUploadManifest,
    arrivals,
    received,
)
from fabro_core.http.guards import Guard
from fabro_core.http.operation import Operation, operation
from fabro_core.http.query import MAX_UNSIGNED, QueryParams, parse_query
from fabro_core.http.reply import Reply, json_reply, no_content, octets
from fabro_core.http.request import FabroRequest
from fabro_core.http.zip_stream import Archive
from fabro_core.runs.attachments.artifact_path import require_artifact_path
from fabro_core.runs.attachments.artifacts import Artifact, RunArtifacts, node_of

Retry = Annotated[int, msgspec.Meta(ge=0, le=MAX_UNSIGNED)]


class PutArtifactParams(QueryParams, frozen=True, kw_only=True):
    retry: Retry
    filename: str | None = None
    """Of a body that is one file."""


class GetArtifactParams(QueryParams, frozen=True, kw_only=True):
    filename: str
    retry: Retry


class RunArtifactEntry(msgspec.Struct, frozen=True, kw_only=True):
    stage_id: str
    node_slug: str
    retry: int
    relative_path: str
    size: int


class RunArtifactListResponse(msgspec.Struct, frozen=True):
    data: Sequence[RunArtifactEntry]


class ArtifactEntry(msgspec.Struct, frozen=True, kw_only=True):
    filename: str
    retry: int
    size: int


class ArtifactListResponse(msgspec.Struct, frozen=True):
    data: Sequence[ArtifactEntry]


@operation(
    "GET",
    "/runs/{id:str}/artifacts",
    Operation(
        id="listRunArtifacts",
        tag="Run Internals",
        summary="List the files that a run left behind",
        answers={200: RunArtifactListResponse},
        errors=(400, 404),
    ),
)
async def list_run_artifacts(request: FabroRequest) -> Reply:
    entries = [
        RunArtifactEntry(
            stage_id=stage.stage_id,
            node_slug=node_of(stage.stage_id),
            retry=each.retry,
            relative_path=each.path,
            size=each.size,
        )
        for stage in await request.services.runs.artifacts.of_run(request.run_id)
        for each in stage.artifacts
    ]
    return json_reply(RunArtifactListResponse(entries))


@operation(
    "GET",
    "/runs/{id:str}/artifacts/download",
    Operation(
        id="downloadRunArtifacts",
        tag="Run Internals",
        summary="Download the newest version of every file of a run",
        answers={200: bytes},
        media_type="application/zip",
        errors=(400, 404),
    ),
)
async def download_run_artifacts(request: FabroRequest) -> Archive:
    run_id, artifacts = request.run_id, request.services.runs.artifacts
    newest = await artifacts.newest_of_run(run_id)
    return Archive(_contents(artifacts, newest), filename=f"fabro-artifacts-{run_id}.zip")


@operation(
    "GET",
    "/runs/{id:str}/stages/{stageId:str}/artifacts",
    Operation(
        id="listStageArtifacts",
        tag="Run Internals",
        summary="List the files that a stage left behind",
        answers={200: ArtifactListResponse},
        errors=(400, 404),
    ),
)
async def list_stage_artifacts(request: FabroRequest) -> Reply:
    found = await request.services.runs.artifacts.of_stage(request.run_id, request.stage_id)
    return json_reply(
        ArtifactListResponse([ArtifactEntry(filename=each.path, retry=each.retry, size=each.size) for each in found])
    )


@operation(
    "POST",
    "/runs/{id:str}/stages/{stageId:str}/artifacts",
    Operation(
        id="putStageArtifact",
        tag="Run Internals",
        summary="Keep files of a stage",
        answers={204: None},
        guard=Guard.SAME_RUN,
        query=PutArtifactParams,
        uploads={ONE_FILE: bytes, FORM: ArtifactBatchUploadManifest},
        max_body_bytes=MAX_BODY_BYTES,
        errors=(400, 404, 409, 415),
    ),
)
async def put_stage_artifact(request: FabroRequest) -> Reply:
    async with received(request) as body:
        run_id, stage_id = request.run_id, request.stage_id
        params = parse_query(PutArtifactParams, request.scope["query_string"])
        files = arrivals(body, params.filename)
        await request.services.runs.artifacts.keep(run_id, stage_id, params.retry, files)
    return no_content()


@operation(
    "GET",
    "/runs/{id:str}/stages/{stageId:str}/artifacts/download",
    Operation(
        id="getStageArtifact",
        tag="Run Internals",
        summary="Download a file of a stage",
        answers={200: bytes},
        media_type="application/octet-stream",
        query=GetArtifactParams,
        errors=(400, 404),
    ),
)
async def get_stage_artifact(request: FabroRequest) -> Reply:
    run_id, stage_id = request.run_id, request.stage_id
    params = parse_query(GetArtifactParams, request.scope["query_string"])
    path = require_artifact_path(params.filename)
    return octets(await request.services.runs.artifacts.read(run_id, stage_id, params.retry, path))


async def _contents(artifacts: RunArtifacts, listed: Sequence[Artifact]) -> AsyncIterator[tuple[str, bytes]]:
    for artifact in listed:
        yield artifact.path, await artifacts.content(artifact)
