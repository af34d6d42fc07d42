"""Artifacts over HTTP (events.md E14): upload, list, download."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Final

import msgspec

from fabro_core.api.runs.artifact_upload import (
    FORM,
    MAX_BODY_BYTES,
    ONE_FILE,
    ArtifactBatchUploadManifest,
    Received,
    arrivals,
    received,
)
from fabro_core.api.runs.paths import RunPath, StagePath
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.query import MAX_UNSIGNED, QueryParams
from fabro_core.http.reply import Reply, json_reply, no_content, octets
from fabro_core.http.zip_stream import Archive
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
    "/runs/{id}/artifacts",
    id="listRunArtifacts",
    tag="Run Internals",
    summary="List the files that a run left behind",
    answers={200: RunArtifactListResponse},
    errors=(404,),
)
async def list_run_artifacts(call: Call[RunPath]) -> Reply:
    entries = [
        RunArtifactEntry(
            stage_id=stage.stage_id,
            node_slug=node_of(stage.stage_id),
            retry=each.retry,
            relative_path=each.path,
            size=each.size,
        )
        for stage in await call.services.runs.artifacts.of_run(call.path.id)
        for each in stage.artifacts
    ]
    return json_reply(RunArtifactListResponse(entries))


@operation(
    "GET",
    "/runs/{id}/artifacts/download",
    id="downloadRunArtifacts",
    tag="Run Internals",
    summary="Download the newest version of every file of a run",
    answers={200: bytes},
    media_type="application/zip",
    errors=(404,),
)
async def download_run_artifacts(call: Call[RunPath]) -> Archive:
    artifacts = call.services.runs.artifacts
    newest = await artifacts.newest_of_run(call.path.id)
    names = await artifacts.unpackable(newest)
    return Archive(_contents(artifacts, newest, names), filename=f"fabro-artifacts-{call.path.id}.zip")


@operation(
    "GET",
    "/runs/{id}/stages/{stageId}/artifacts",
    id="listStageArtifacts",
    tag="Run Internals",
    summary="List the files that a stage left behind",
    answers={200: ArtifactListResponse},
    errors=(404,),
)
async def list_stage_artifacts(call: Call[StagePath]) -> Reply:
    found = await call.services.runs.artifacts.of_stage(call.path.id, call.path.stage_id)
    return json_reply(
        ArtifactListResponse([ArtifactEntry(filename=each.path, retry=each.retry, size=each.size) for each in found])
    )


@operation(
    "POST",
    "/runs/{id}/stages/{stageId}/artifacts",
    id="putStageArtifact",
    tag="Run Internals",
    summary="Keep files of a stage",
    answers={204: None},
    guard=Guard.SAME_RUN,
    uploads={ONE_FILE: bytes, FORM: ArtifactBatchUploadManifest},
    receiver=received,
    max_body_bytes=MAX_BODY_BYTES,
    errors=(404, 409, 415),
)
async def put_stage_artifact(call: Call[StagePath, PutArtifactParams, Received]) -> Reply:
    files = arrivals(call.body, call.query.filename)
    await call.services.runs.artifacts.keep(call.path.id, call.path.stage_id, call.query.retry, files)
    return no_content()


@operation(
    "GET",
    "/runs/{id}/stages/{stageId}/artifacts/download",
    id="getStageArtifact",
    tag="Run Internals",
    summary="Download a file of a stage",
    answers={200: bytes},
    media_type="application/octet-stream",
    errors=(404,),
)
async def get_stage_artifact(call: Call[StagePath, GetArtifactParams]) -> Reply:
    query = call.query
    return octets(
        await call.services.runs.artifacts.read(call.path.id, call.path.stage_id, query.retry, query.filename)
    )


async def _contents(
    artifacts: RunArtifacts, listed: Sequence[Artifact], names: Mapping[str, str]
) -> AsyncIterator[tuple[str, bytes]]:
    for artifact in listed:
        yield names[artifact.path], await artifacts.content(artifact)


ROUTES: Final = (
    list_run_artifacts,
    download_run_artifacts,
    list_stage_artifacts,
    put_stage_artifact,
    get_stage_artifact,
)
