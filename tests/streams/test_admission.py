"""Who may go on following: asked again while a stream is open (auth.md A14)."""

from __future__ import annotations

import pytest

from fabro_core.http.services import SERVICES
from fabro_core.http.streams import EventStreams
from tests.api.conftest import Server
from tests.streams.client import attached
from tests.streams.writing import begun

pytestmark = pytest.mark.anyio


async def test_a_stream_ends_with_the_session_that_opened_it(server: Server) -> None:
    run = await begun(server.store)
    signed_in = await server.anonymous.post("/auth/login/dev-token", json={"token": server.token})
    cookie = f"__fabro_session={signed_in.cookies['__fabro_session']}"
    streams = server.app.litestar.state[SERVICES].streams
    assert isinstance(streams, EventStreams)
    path = f"/api/v1/runs/{run.id}/attach"
    async with (
        attached(server.app, path, cookie=cookie) as by_cookie,
        attached(server.app, path, authorization=f"Bearer {server.token}") as by_token,
    ):
        await streams.ask_again()
        await run.append("stage.note")
        assert [(await each.frame()).id for each in (by_cookie, by_token)] == [2, 2]
        await server.anonymous.post("/auth/logout", headers={"Cookie": cookie})
        await streams.ask_again()
        assert await by_cookie.rest() == []
        await run.append("stage.note")
        assert (await by_token.frame()).id == 3
