"""A server that people log in to on the command line, with GitHub behind it, and a home to do it from."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anyio import to_thread

from fabro_core.client.address import ServerAddress
from fabro_core.client.authenticated import AuthenticatedClient
from fabro_core.client.credentials_file import CredentialsFile
from fabro_core.client.logins import OAuthLogin
from fabro_core.testing import FakeIdentityProvider, ManualClock, running
from fabro_core.testing.servers import RunningServer
from tests.cli.terminal import Home
from tests.github import github_table

BROWSER: Final = Path(__file__).with_name("browser.py")
DEV_TOKEN: Final = "fabro_dev_" + "5e" * 32

Json = dict[str, Any]


@dataclass
class Site:
    """The server, the provider it asks, and the home of somebody who uses both."""

    server: RunningServer
    provider: FakeIdentityProvider
    clock: ManualClock
    home: Home

    @property
    def address(self) -> ServerAddress:
        return ServerAddress.parse(self.server.url)

    @property
    def file(self) -> Path:
        return self.home.path / "auth.json"

    @property
    def credentials(self) -> CredentialsFile:
        return CredentialsFile(self.file)

    def login(self) -> OAuthLogin:
        """The login that is kept."""
        kept = self.credentials.logins()[self.server.url]
        assert isinstance(kept, OAuthLogin)
        return kept

    async def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with a browser at hand."""
        browser = f"{shlex.quote(sys.executable)} {shlex.quote(str(BROWSER))} %s"
        given = {"BROWSER": browser, "FABRO_SERVER": self.server.url, **environ}
        return await to_thread.run_sync(lambda: self.home.run(*arguments, **given))

    async def logged_in(self) -> OAuthLogin:
        """Log in, as a person does."""
        done = await self.run("auth", "login")
        assert done.returncode == 0, done.stderr
        return self.login()

    async def get(self, path: str) -> tuple[int, Json]:
        """The answer to a request of the person who is logged in."""

        def ask() -> tuple[int, Json]:
            with AuthenticatedClient(self.address, self.credentials) as client:
                answer = client.request("GET", path)
                body: Json = answer.json()
                return answer.status_code, body

        return await to_thread.run_sync(ask)


@asynccontextmanager
async def site(directory: Path, *methods: str) -> AsyncIterator[Site]:
    """A server with these auth methods; its clock stands still."""
    async with FakeIdentityProvider().running() as provider:
        github = github_table(provider, "mona")
        settings = {
            "server": {
                "auth": {"methods": list(methods), **({"github": github} if "github" in methods else {})},
                "store": {"kind": "memory"},
                "limits": {"login_attempts_per_minute": 1_000},
            }
        }
        clock = ManualClock()
        secrets = {"GITHUB_APP_CLIENT_SECRET": provider.client_secret, "FABRO_DEV_TOKEN": DEV_TOKEN}
        async with running(settings, clock=clock, environ=secrets) as server:
            yield Site(server, provider, clock, Home(directory / "home"))
