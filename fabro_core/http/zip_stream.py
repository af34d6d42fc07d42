"""A ZIP file as a response, made while it is sent: one member at a time is in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from fabro_core.http.asgi import Receive, Scope, Send
from fabro_core.http.reply import RawHeaders
from fabro_core.http.trace import trace_of

_READABLE_FILE: Final = 0o100644 << 16
"""Mode of a member, where Unix tools look for it."""


class Archive:
    """A response with the ZIP file of `members`, which are paths with their contents.

    Once it has begun it cannot turn into an error; what fails on the way cuts the connection off, so that no client
    takes half a file for a whole one.
    """

    def __init__(self, members: AsyncIterator[tuple[str, bytes]], *, filename: str) -> None:
        self._members = members
        self._headers: RawHeaders = (
            (b"content-type", b"application/zip"),
            (b"content-disposition", b'attachment; filename="%b"' % filename.encode("ascii")),
            (b"cache-control", b"private, no-store"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*self._headers]})
        if not trace_of(scope).is_head:
            async for piece in _zipped(self._members):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _zipped(members: AsyncIterator[tuple[str, bytes]]) -> AsyncIterator[bytes]:
    """Members carry no time, so that the same files make the same archive."""
    pieces = _Pieces()
    archive = ZipFile(pieces, "w")
    async for path, content in members:
        info = ZipInfo(path)
        info.compress_type = ZIP_DEFLATED
        info.external_attr = _READABLE_FILE
        await asyncio.to_thread(archive.writestr, info, content)
        yield pieces.take()
    archive.close()
    yield pieces.take()


class _Pieces:
    """What `ZipFile` writes to: it keeps what has not been taken yet."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def write(self, content: bytes, /) -> int:
        self._kept += content
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        taken, self._kept = bytes(self._kept), bytearray()
        return taken
