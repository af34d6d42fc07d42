"""Blobs over HTTP (events.md E13): raw bytes in, raw bytes out."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.api.runs.paths import RunPath
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.path import Digest
from fabro_core.http.reply import Reply, json_reply, octets


class BlobPath(RunPath, frozen=True, kw_only=True):
    digest: Digest = msgspec.field(name="blobHash")


class WriteBlobResponse(msgspec.Struct, frozen=True):
    hash: str
    """SHA-256 of the bytes, 64 lower-case hex digits."""


@operation(
    "POST",
    "/runs/{id}/blobs",
    id="writeRunBlob",
    tag="Run Internals",
    summary="Store bytes under their SHA-256",
    answers={200: WriteBlobResponse},
    guard=Guard.SAME_RUN,
    uploads={"application/octet-stream": bytes},
    errors=(404, 409),
)
async def write_run_blob(call: Call[RunPath, None, bytes]) -> Reply:
    """Of any content type: what the bytes are is the writer's business."""
    return json_reply(WriteBlobResponse(await call.services.runs.blobs.write(call.path.id, call.body)))


@operation(
    "GET",
    "/runs/{id}/blobs/{blobHash}",
    id="readRunBlob",
    tag="Run Internals",
    summary="Read the bytes of a SHA-256",
    answers={200: bytes},
    media_type="application/octet-stream",
    guard=Guard.SAME_RUN,
    errors=(404,),
)
async def read_run_blob(call: Call[BlobPath]) -> Reply:
    return octets(await call.services.runs.blobs.read(call.path.id, call.path.digest))


ROUTES: Final = (
    write_run_blob,
    read_run_blob,
)
