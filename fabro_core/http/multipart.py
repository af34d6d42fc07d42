"""Forms of files (RFC 7578): received as a stream, counted and hashed on the way, and put down in a file.

What the parts mean is the operation's business. Sizes are judged here, before anything else about the form is: too
large a body is 413 whatever else is wrong with it (runs.md R1.3).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterable
from typing import IO, Final

import msgspec
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from fabro_core.errors import InvalidRequest, StorageFull
from fabro_core.http.body import BodyTooLarge

log = logging.getLogger("fabro.api")

MANIFEST: Final = "manifest"
"""The name of the part that says what the others are."""

MAX_BOUNDARY_CHARS: Final = 70
"""RFC 2046 §5.1.1. With a longer one, each piece of a body would be compared with all of it again."""

MAX_HEADERS: Final = 8
"""Of a part; RFC 7578 §4.8 knows three."""
MAX_HEADER_BYTES: Final = 4096
"""Of one line in the head of a part."""


class FormLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes; `files` are counted beside the manifest."""

    manifest_bytes: int
    file_bytes: int
    all_files_bytes: int
    files: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a form, and where its content was put down."""

    name: str
    """Empty when it has none."""
    offset: int
    size: int
    digest: str
    """SHA-256 of the content, 64 lower-case hex digits."""

    def read(self, spool: IO[bytes]) -> bytes:
        """The content, from what `receive_form` wrote to."""
        spool.seek(self.offset)
        return spool.read(self.size)


async def receive_form(chunks: AsyncIterable[bytes], boundary: str, spool: IO[bytes], limits: FormLimits) -> list[Part]:
    """The parts of a form in their order; their contents are appended to `spool`, which is empty.

    Raises `BodyTooLarge`, `StorageFull`, and `InvalidRequest` for what is not a complete form. Writing to the spool
    happens on the event loop: a chunk goes to the system's cache, which costs less than a hop into a thread.
    """
    if len(boundary) > MAX_BOUNDARY_CHARS:
        raise InvalidRequest(f"The boundary of a multipart body has at most {MAX_BOUNDARY_CHARS} characters.")
    receiving = _Receiving(spool, limits)
    try:
        with PushMultipartParser(
            boundary,
            max_header_size=MAX_HEADER_BYTES,
            max_header_count=MAX_HEADERS,
            max_segment_count=limits.files + 1,
            header_charset="utf8",
        ) as parser:
            async for chunk in chunks:
                for event in parser.parse(chunk):
                    receiving.take(event)
                if parser.closed:
                    break
    except ParserLimitReached as error:
        raise BodyTooLarge from error
    except MultipartError as error:
        raise InvalidRequest("The request body is not a complete multipart form.") from error
    try:
        spool.flush()
    except OSError as error:
        raise no_room(error) from error
    return receiving.parts


def no_room(error: OSError) -> StorageFull:
    """What to answer when a temporary file cannot be written; the log says why."""
    log.error("uploads are refused, no file can be written in the temporary directory: %s", error.strerror)
    return StorageFull()


class _Receiving:
    def __init__(self, spool: IO[bytes], limits: FormLimits) -> None:
        self._spool = spool
        self._limits = limits
        self._name = ""
        self._offset = 0
        self._size = 0
        self._digest = hashlib.sha256()
        self._files_bytes = 0
        self.parts: list[Part] = []

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """The beginning of a part, a piece of its content, or None for its end."""
        if isinstance(event, MultipartSegment):
            self._begin(event.name or "")
        elif event is None:
            self._end()
        else:
            self._append(event)

    def _begin(self, name: str) -> None:
        self._name, self._offset, self._size = name, self._offset + self._size, 0
        self._digest = hashlib.sha256()

    def _append(self, content: bytes | bytearray) -> None:
        self._size += len(content)
        if self._name == MANIFEST:
            most = self._limits.manifest_bytes
        else:
            most = self._limits.file_bytes
            self._files_bytes += len(content)
        if self._size > most or self._files_bytes > self._limits.all_files_bytes:
            raise BodyTooLarge
        self._digest.update(content)
        try:
            self._spool.write(content)
        except OSError as error:
            raise no_room(error) from error

    def _end(self) -> None:
        self.parts.append(Part(name=self._name, offset=self._offset, size=self._size, digest=self._digest.hexdigest()))
