"""Who is taken off the list of a running server is refused with the next request (auth.md A6, server.md S17)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest

from fabro_core.auth.base import Identity
from fabro_core.auth.caller import User
from fabro_core.boot.live import LiveSettings
from fabro_core.boot.reading import Reading, SettingsReader
from fabro_core.config.load import Overrides
from fabro_core.http.services import SERVICES, Services
from fabro_core.server.process import Process

pytestmark = pytest.mark.anyio

MONA = Identity(issuer="https://github.com", subject="90210", login="Mona")


class Running:
    """A server whose settings file is followed, and somebody with a session."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.permit(["mona"])
        self.process = Process.prepare(SettingsReader(), path, Overrides())
        self.live = LiveSettings(self.process.assembly.reading, self._read_and_tell, self.process.serving.app.live)
        self._readings: asyncio.Queue[None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def permit(self, logins: Sequence[str], numbers: Sequence[int] = ()) -> None:
        names = ", ".join(f'"{login}"' for login in logins)
        self._path.write_text(
            '[server.auth]\nmethods = ["github"]\n[server.store]\nkind = "memory"\n'
            f'[server.auth.github]\nclient_id = "test"\nallowed_usernames = [{names}]\n'
            f"allowed_user_ids = {list(numbers)}\n"
        )

    async def follow(self) -> None:
        """Let the file have its effect."""
        for _ in range(2):  # a second reading begins only when the first is done
            self.live.ask()
            await self._readings.get()

    def _read_and_tell(self) -> Reading:
        assert self.process.serving.app.read_again is not None
        try:
            return self.process.serving.app.read_again()
        finally:
            self._loop.call_soon_threadsafe(self._readings.put_nowait, None)


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anyio_backend: str) -> AsyncIterator[Running]:
    variables = {"FABRO_HOME": str(tmp_path), "SESSION_SECRET": "s" * 32, "GITHUB_APP_CLIENT_SECRET": "hunter2"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    running = Running(tmp_path / "settings.toml")
    following = asyncio.create_task(running.live.follow())
    async with running.process.serving.app.lifespan():
        yield running
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_session_ends_and_comes_back_with_the_name_on_the_list(running: Running) -> None:
    app = running.process.serving.app
    services = app.litestar.state[SERVICES]
    assert isinstance(services, Services)
    user = User(identity=MONA, method="github")
    _, cookie = await services.auth.require_browser().sessions.open(user, credential=None, user_agent=None)
    headers = {"Cookie": f"__fabro_session={cookie}"}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:3000") as client:

        async def asked() -> tuple[int, str | None]:
            answer = await client.get("/api/v1/user", headers=headers)
            code: str | None = answer.json()["errors"][0]["code"] if answer.is_error else None
            return answer.status_code, code

        assert await asked() == (200, None)
        for without_mona in (["lisa"], []):
            running.permit(without_mona)
            await running.follow()
            assert await asked() == (403, "login_not_permitted")
        running.permit(["lisa", "MONA"])
        await running.follow()
        assert await asked() == (200, None)


async def test_numbers_are_followed_as_names_are(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    (method,) = running.process.assembly.methods
    for logins, numbers, permitted in (([], [90210], True), (["lisa"], [7], False), ([], [7, 90210], True)):
        running.permit(logins, numbers)
        await running.follow()
        assert await method.permits(MONA) is permitted
    assert "nobody is permitted" not in caplog.text
    running.permit([], [])
    await running.follow()
    assert not await method.permits(MONA)
    assert "server.auth.github.allowed_usernames is empty: nobody is permitted" in caplog.text


async def test_tokens_of_programs_are_refused_with_the_name_off_the_list(running: Running) -> None:
    app = running.process.serving.app
    cli = app.auth.require_browser().cli
    login = await cli.chains.open(MONA, "github", user_agent=None)
    access = {"Authorization": f"Bearer {cli.access_tokens.issue(login.token.chain_id, login.chain).text.reveal()}"}
    refresh = {"Authorization": f"Bearer {login.token.reveal()}"}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:3000") as client:
        assert (await client.get("/api/v1/user", headers=access)).status_code == 200
        running.permit(["lisa"])
        await running.follow()
        for answer in (
            await client.get("/api/v1/user", headers=access),
            await client.post("/auth/cli/refresh", headers=refresh),
        ):
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "login_not_permitted")
        running.permit(["mona"])
        await running.follow()
        again = await client.post("/auth/cli/refresh", headers=refresh)
        assert again.json()["error"] == "refresh_token_expired", "a refused refresh costs the login"
