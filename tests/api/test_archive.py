"""ZIP files as responses: sent while they are made."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any
from zipfile import ZipFile

import pytest

from fabro_core.errors import StoreUnavailable
from fabro_core.http.trace import SCOPE_KEY, Trace
from fabro_core.http.zip_stream import Archive

pytestmark = pytest.mark.anyio

Sent = list[dict[str, Any]]


async def sent_by(archive: Archive, sent: Sent) -> None:
    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nobody reads the request")

    await archive({SCOPE_KEY: Trace()}, receive, send)


async def test_a_member_is_sent_before_the_next_one_is_fetched() -> None:
    sent: Sent = []
    seen: list[int] = []

    async def members() -> AsyncIterator[tuple[str, bytes]]:
        for name in "abc":
            seen.append(len(sent))
            yield name, name.encode() * 1_000

    await sent_by(Archive(members(), filename="x.zip"), sent)
    assert seen == [1, 2, 3]
    whole = b"".join(message["body"] for message in sent[1:])
    with ZipFile(io.BytesIO(whole)) as archive:
        assert archive.read("b") == b"b" * 1_000
    assert [message.get("more_body") for message in sent[1:]] == [True, True, True, True, False]


async def test_a_failure_on_the_way_leaves_the_response_unfinished() -> None:
    sent: Sent = []

    async def members() -> AsyncIterator[tuple[str, bytes]]:
        yield "a", b"a"
        raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        await sent_by(Archive(members(), filename="x.zip"), sent)
    assert [message.get("more_body") for message in sent] == [None, True]
