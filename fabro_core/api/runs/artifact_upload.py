"""What an upload of artifacts carries (events.md E14): one file as the body, or a form of a manifest and files."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Annotated, Final

import msgspec
import multipart

from fabro_core.errors import InvalidRequest
from fabro_core.http.body import BodyTooLarge, Incoming, UnsupportedMediaType, decode_json
from fabro_core.http.multipart import MANIFEST, FormLimits, Part, no_room, receive_form
from fabro_core.runs.attachments.artifacts import Arrival, require_artifact_path

ONE_FILE: Final = "application/octet-stream"
FORM: Final = "multipart/form-data"

_parse_content_type: Final[Callable[[str], tuple[str, dict[str, str]]]] = multipart.parse_options_header

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
LIMITS: Final = FormLimits(
    manifest_bytes=256 * 1024, file_bytes=MAX_FILE_BYTES, all_files_bytes=50 * 1024 * 1024, files=100
)
MAX_BODY_BYTES: Final = LIMITS.all_files_bytes + 2 * 1024 * 1024
"""Of a form: its files, its manifest, and the headers of its parts."""


class ArtifactBatchUploadEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an upload; what it tells of the content is checked."""

    part: str
    """Name of the part with the content."""
    path: str
    sha256: str | None = None
    expected_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    content_type: str | None = None
    """Accepted, and not kept: a file is answered as bytes, lest a browser run it."""


class ArtifactBatchUploadManifest(msgspec.Struct, frozen=True):
    """The first part of a form."""

    entries: Annotated[tuple[ArtifactBatchUploadEntry, ...], msgspec.Meta(min_length=1)]


class _File(msgspec.Struct, frozen=True):
    """A body that is one file."""

    content: bytes
    digest: str
    """SHA-256 of the content, 64 lower-case hex digits."""


class Received(msgspec.Struct, frozen=True):
    """A body within its limits, not looked into yet."""

    content: _File | tuple[Part, ...]
    """One file, or the parts of a form."""
    spool: IO[bytes]


@asynccontextmanager
async def received(incoming: Incoming) -> AsyncIterator[Received]:
    """The body, for the length of the context.

    A form is put down in a temporary file, so that a request which turns out to be refused has written nothing to the
    store, and one that is not holds a single file in memory. Raises `UnsupportedMediaType`, `BodyTooLarge`,
    `StorageFull`, and `InvalidRequest` for a form that is not complete.
    """
    media_type, options = _parse_content_type(incoming.content_type.decode("latin-1"))
    with _temporary_file() as spool:
        if media_type == ONE_FILE:
            yield Received(await _read_file(incoming), spool)
        elif media_type == FORM:
            boundary = options.get("boundary")
            if not boundary:
                raise InvalidRequest("The content type of a multipart body names its boundary.")
            yield Received(tuple(await receive_form(incoming.stream(), boundary, spool, LIMITS)), spool)
        else:
            raise UnsupportedMediaType(f"{ONE_FILE} or {FORM}")


@contextmanager
def _temporary_file() -> Iterator[IO[bytes]]:
    """A file for the length of the context. Raises `StorageFull`."""
    try:
        spool = TemporaryFile(prefix="fabro-upload-")  # noqa: SIM115 - closing it must not fail either
    except OSError as error:
        raise no_room(error) from error
    try:
        yield spool
    finally:
        with suppress(OSError):  # what could not be written before
            spool.close()


def arrivals(body: Received, filename: str | None) -> list[Arrival]:
    """The files of an upload; `filename` is the path of a body that is one file.

    Raises `InvalidRequest` for anything that is not as it has to be or not as the manifest says.
    """
    file = body.content
    if not isinstance(file, _File):
        return _of_form(file, body.spool)
    if filename is None:
        raise InvalidRequest('The query parameter "filename" is required.')
    path = require_artifact_path(filename)
    return [Arrival(path=path, size=len(file.content), digest=file.digest, read=lambda: file.content)]


async def _read_file(incoming: Incoming) -> _File:
    if (incoming.length or 0) > MAX_FILE_BYTES:
        raise BodyTooLarge
    content, digest = bytearray(), hashlib.sha256()
    async for chunk in incoming.stream():
        content += chunk
        if len(content) > MAX_FILE_BYTES:
            raise BodyTooLarge
        digest.update(chunk)
    return _File(bytes(content), digest.hexdigest())


def _of_form(parts: Sequence[Part], spool: IO[bytes]) -> list[Arrival]:
    if not parts or parts[0].name != MANIFEST:
        raise InvalidRequest(f'The first part of the form is "{MANIFEST}".')
    entries = decode_json(parts[0].read(spool), ArtifactBatchUploadManifest).entries
    if len(entries) > LIMITS.files:
        raise BodyTooLarge
    files = _by_name(parts[1:])
    _require_listed_once(entries, files)
    return [_arrival(entry, files[entry.part], spool) for entry in entries]


def _by_name(parts: Sequence[Part]) -> dict[str, Part]:
    files = {part.name: part for part in parts}
    if len(files) != len(parts):
        raise InvalidRequest("A part of the form is repeated.")
    return files


def _require_listed_once(entries: Sequence[ArtifactBatchUploadEntry], files: dict[str, Part]) -> None:
    names, paths = {entry.part for entry in entries}, {entry.path for entry in entries}
    if len(names) != len(entries) or len(paths) != len(entries):
        raise InvalidRequest("The manifest lists a part or a path twice.")
    if missing := sorted(names - files.keys()):
        raise InvalidRequest(f"The form has no part {missing[0]!r}, which its manifest lists.")
    if unlisted := sorted(files.keys() - names):
        raise InvalidRequest(f"The manifest does not list the part {unlisted[0]!r}.")


def _arrival(entry: ArtifactBatchUploadEntry, part: Part, spool: IO[bytes]) -> Arrival:
    path = require_artifact_path(entry.path)
    if entry.expected_bytes is not None and entry.expected_bytes != part.size:
        raise InvalidRequest(f"The file {path!r} has {part.size} bytes, its manifest says {entry.expected_bytes}.")
    if entry.sha256 is not None and entry.sha256.lower() != part.digest:
        raise InvalidRequest(f"The file {path!r} does not have the SHA-256 that its manifest says.")
    return Arrival(path=path, size=part.size, digest=part.digest, read=partial(part.read, spool))
