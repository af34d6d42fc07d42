"""Blobs over HTTP (events.md E13): raw bytes in, raw bytes out."""

from __future__ import annotations

import msgspec

from fabro_core.errors import InvalidRequest
from fabro_core.http.body import read_body
from fabro_core.http.guards import Guard
from fabro_core.http.operation import Operation, operation
from fabro_core.http.reply import Reply, json_reply, octets
from fabro_core.http.request import FabroRequest
from fabro_core.models.ids import parse_digest


class WriteBlobResponse(msgspec.Struct, frozen=True):
    hash: str
    """SHA-256 of the bytes, 64 lower-case hex digits."""


@operation(
    "POST",
    "/runs/{id:str}/blobs",
    Operation(
        id="writeRunBlob",
        tag="Run Internals",
        summary="Store bytes under their SHA-256",
        answers={200: WriteBlobResponse},
        guard=Guard.SAME_RUN,
        uploads={"application/octet-stream": bytes},
        errors=(400, 404, 409),
    ),
)
async def write_run_blob(request: FabroRequest) -> Reply:
    """Of any content type: what the bytes are is the writer's business."""
    body = await read_body(request)
    return json_reply(WriteBlobResponse(await request.services.runs.blobs.write(request.run_id, body)))


@operation(
    "GET",
    "/runs/{id:str}/blobs/{blobHash:str}",
    Operation(
        id="readRunBlob",
        tag="Run Internals",
        summary="Read the bytes of a SHA-256",
        answers={200: bytes},
        media_type="application/octet-stream",
        guard=Guard.SAME_RUN,
        errors=(400, 404),
    ),
)
async def read_run_blob(request: FabroRequest) -> Reply:
    run_id = request.run_id
    digest = parse_digest(request.path_params["blobHash"])
    if digest is None:
        raise InvalidRequest("The hash in the path is not 64 hex digits.")
    return octets(await request.services.runs.blobs.read(run_id, digest))
