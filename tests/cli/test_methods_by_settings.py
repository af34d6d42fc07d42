"""Who may sign in is up to the settings file alone: one server with one method, with three, and with one again."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from fabro_core.testing import FakeIdentityProvider
from tests.cli.distributions import distribute
from tests.cli.terminal import Home

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "plugins" / "auth_apikeys"

DEV_TOKEN_ALONE: Final = '[server.auth]\nmethods = ["dev-token"]\n'


@dataclass
class Site:
    """A home with an example of a third-party method installed, and a provider of GitHub's kind."""

    home: Home
    provider: FakeIdentityProvider

    @property
    def three_methods(self) -> str:
        return (
            '[server.auth]\nmethods = ["dev-token", "github", "api-keys"]\n'
            f'[server.auth.github]\nclient_id = "{self.provider.client_id}"\nallowed_usernames = ["Mona"]\n'
            f'oauth_url = "{self.provider.url}"\napi_url = "{self.provider.url}"\n'
            '[server.auth.api-keys]\nfile = "api-keys.txt"\n'
        )

    def edit(self, settings: str) -> None:
        """All that an operator does before a restart."""
        (self.home.path / "settings.toml").write_text(settings)

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Exit code and messages of a command."""
        done = await asyncio.to_thread(self.home.run, *arguments)
        return done.returncode, done.stderr

    async def restarted(self) -> httpx.AsyncClient:
        """A client of the server after a restart."""
        code, told = await self.run("server", "restart", "--bind", "127.0.0.1:0")
        assert code == 0, told
        return httpx.AsyncClient(base_url=f"http://localhost:{self.home.record['bind']['tcp'].rpartition(':')[2]}")

    async def signed_in(self, client: httpx.AsyncClient) -> dict[str, str]:
        """Headers with a session of somebody who came by way of GitHub."""
        begun = await client.get("/auth/login/github")
        back = await self.provider.agree(begun.headers["location"])
        ended = await client.get("/auth/callback/github", params=back)
        cookie = next(each for each in ended.headers.get_list("set-cookie") if each.startswith("__fabro_session="))
        client.cookies.clear()
        return {"Cookie": cookie.partition(";")[0]}

    async def api_key(self) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "fabro_auth_apikeys",
            "add",
            "api-keys.txt",
            "alice",
            cwd=self.home.path,
            env=self.home.environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        told, _ = await process.communicate()
        return told.decode().strip()

    @property
    def dev_token(self) -> str:
        (token,) = re.findall(r"fabro_dev_\w+", (self.home.path / "server.env").read_text())
        return str(token)


@pytest.fixture
async def site(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    distribute(tmp_path / "site", "fabro-auth-apikeys", "fabro.auth", "api-keys", "fabro_auth_apikeys")
    home.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "site"), str(EXAMPLE)])
    async with FakeIdentityProvider().running() as provider:
        home.environ["GITHUB_APP_CLIENT_SECRET"] = provider.client_secret
        site = Site(home, provider)
        assert (await site.run("init"))[0] == 0
        yield site


async def enabled(client: httpx.AsyncClient) -> Any:
    return (await client.get("/api/v1/auth/config")).json()["methods"]


async def who(client: httpx.AsyncClient, headers: Mapping[str, str]) -> tuple[int, Any]:
    """What the server answers to somebody who asks who they are: the status, and the method and login it knows."""
    answer = await client.get("/api/v1/auth/me", headers=headers)
    body = answer.json()
    return answer.status_code, (body["provider"], body["user"]["login"]) if answer.status_code == 200 else None


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_editing_the_file_alone_takes_methods_in_and_out(site: Site) -> None:
    site.edit(DEV_TOKEN_ALONE)
    key = bearer(await site.api_key())
    token = bearer(site.dev_token)
    async with await site.restarted() as client:
        assert await enabled(client) == ["dev-token"]
        assert (await who(client, token), await who(client, key)) == ((200, ("dev-token", "dev")), (401, None))
        refused = await client.get("/auth/login/github")
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (401, "login_method_disabled")

    site.edit(site.three_methods)
    async with await site.restarted() as client:
        assert await enabled(client) == ["dev-token", "github", "api-keys"]
        session = await site.signed_in(client)
        assert await who(client, token) == (200, ("dev-token", "dev"))
        assert await who(client, key) == (200, ("api-keys", "alice"))
        assert await who(client, session) == (200, ("github", "mona"))

        site.edit(site.three_methods.replace('"github"', '"githb"'))
        code, told = await site.run("server", "restart", "--bind", "127.0.0.1:0")
        *report, outcome = told.splitlines()
        assert (code, report) == (
            78,
            [
                "fabro: cannot start, 1 problem",
                '  server.auth.methods: no installed plugin provides "githb"; did you mean "github"?; '
                "installed: api-keys, dev-token, github",
            ],
        )
        assert re.fullmatch(r"The running server \(pid \d+\) on 127\.0\.0\.1:\d+ goes on", outcome)
        assert await who(client, key) == (200, ("api-keys", "alice")), "the running server goes on"

    site.edit(DEV_TOKEN_ALONE)
    async with await site.restarted() as client:
        assert await enabled(client) == ["dev-token"]
        assert await who(client, token) == (200, ("dev-token", "dev"))
        assert (await who(client, key), await who(client, session)) == ((401, None), (401, None))

    assert (await site.run("server", "stop"))[0] == 0


@pytest.mark.parametrize(
    ("right", "wrong", "lines"),
    [
        (
            '"api-keys"]',
            '"api-keys", "github"]',
            ['server.auth.methods: expected a non-empty array of names without repetition, found "github" twice'],
        ),
        (
            '["dev-token", "github", "api-keys"]',
            "[]",
            ["server.auth.methods: expected a non-empty array of names without repetition, found an empty array"],
        ),
        ("client_id", "clientid", ['server.auth.github.clientid: unknown key, did you mean "client_id"?']),
        (
            '["Mona"]',
            "[]",
            ["server.auth.github.allowed_usernames: expected at least one entry, found an empty array"],
        ),
        (
            'allowed_usernames = ["Mona"]',
            'allowed_usernames = ["Mona"]\nclient_secret = "hunter2"',
            [
                "server.auth.github.client_secret: secrets are not read from this file; "
                "set the variable GITHUB_APP_CLIENT_SECRET"
            ],
        ),
        ("file =", "fil =", ['server.auth.api-keys.fil: unknown key, did you mean "file"?']),
        ('"api-keys.txt"', "3", ["server.auth.api-keys.file: expected a path, found 3"]),
        (
            '"api-keys.txt"',
            '"nowhere.txt"',
            ["server.auth.api-keys.file: HOME/nowhere.txt: cannot be read: No such file or directory"],
        ),
        (
            "[server.auth.api-keys]",
            "[server.auth.api_keys]",
            [
                'server.auth.api_keys: no installed plugin provides "api_keys"; did you mean "api-keys"?; '
                "installed: api-keys, dev-token, github"
            ],
        ),
        (
            "[server.auth.github]",
            "[server.web]\nenabled = false\n[server.auth.github]",
            ['server.auth.methods[1]: "github" signs people in with a browser; it needs server.web.enabled = true'],
        ),
    ],
    ids=["twice", "none", "key", "list", "secret", "third-key", "type", "missing-file", "table", "no-pages"],
)
async def test_a_wrong_edit_names_key_value_and_way_out(site: Site, right: str, wrong: str, lines: list[str]) -> None:
    await site.api_key()
    assert right in site.three_methods
    site.edit(site.three_methods.replace(right, wrong))

    code, told = await site.run("check")

    report = told.replace(str(site.home.path), "HOME")
    assert code == 78
    assert [line for line in lines if f"  {line}\n" not in report] == []
    assert "hunter2" not in told


async def test_the_secret_of_a_method_that_the_file_names_is_asked_for(site: Site) -> None:
    del site.home.environ["GITHUB_APP_CLIENT_SECRET"]
    await site.api_key()
    site.edit(site.three_methods)

    code, told = await site.run("check")

    assert code == 78
    assert "  GITHUB_APP_CLIENT_SECRET: required by [server.auth.github]; set the variable\n" in told
