"""API keys: what every auth method promises, the method inside a server, and the file that remembers the keys."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fabro_core import Group, InlinePlugin, StartupError, create_app
from fabro_core.auth import AuthMethod
from fabro_core.testing import AuthConformance

import fabro_auth_apikeys
from fabro_auth_apikeys.keys import MalformedFile, add_key, read_keys

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the keys are; nothing is there yet."""
    return tmp_path / "api-keys.txt"


class TestApiKeyAuth(AuthConformance):
    @pytest.fixture
    def method(self, file: Path, valid_token: str, other_token: str) -> AuthMethod:
        built = fabro_auth_apikeys.ApiKeyAuth(file)
        built.name = "api-keys"
        return built

    @pytest.fixture
    def valid_token(self, file: Path) -> str:
        return add_key(file, "alice")

    @pytest.fixture
    def other_token(self, file: Path) -> str:
        return add_key(file, "bob")

    @pytest.fixture
    def rejected_tokens(self, tmp_path: Path) -> list[str]:
        return [add_key(tmp_path / "another-file.txt", "alice")]


@asynccontextmanager
async def serving(file: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = {
        "server": {
            "auth": {"methods": ["api-keys"], "api-keys": {"file": file}},
            "store": {"kind": "memory"},
            "web": {"enabled": False},
        }
    }
    plugin = InlinePlugin(group=Group.AUTH, name="api-keys", target=fabro_auth_apikeys)
    fabro = create_app(settings, plugins=[plugin], environ={"FABRO_HOME": str(file.parent)})
    transport = httpx.ASGITransport(fabro)
    async with fabro.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://fabro.test") as client:
        yield client


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines(keepends=True)


def rewrite(file: Path, content: str, mode: int = 0o600) -> None:
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    file.chmod(mode)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`python -m fabro_auth_apikeys …`, to its end."""
    command = [sys.executable, "-m", "fabro_auth_apikeys", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


async def user(client: httpx.AsyncClient, key: str) -> str | int:
    """The login behind a key; the status of a refusal."""
    answer = await client.get("/api/v1/user", headers={"Authorization": f"Bearer {key}"})
    if answer.status_code != 200:
        return answer.status_code
    login: str = answer.json()["login"]
    return login


async def test_every_key_is_its_user(file: Path) -> None:
    keys = [(add_key(file, login), login) for login in ("alice", "bob", "alice", "zoë")]
    async with serving(file) as client:
        assert [(key, await user(client, key)) for key, _ in keys] == keys


async def test_a_key_with_a_known_id_and_another_secret_is_rejected(file: Path) -> None:
    key = add_key(file, "alice")
    other = key[:-1] + ("0" if key[-1] != "0" else "1")
    async with serving(file) as client:
        assert [await user(client, text) for text in (other, key[:-1], f"{key}0", key.upper(), "apikey_")] == [401] * 5


async def test_a_key_whose_line_is_deleted_is_rejected(file: Path) -> None:
    gone, kept = add_key(file, "alice"), add_key(file, "alice")
    rewrite(file, "# left\n\n" + lines_of(file)[1])
    async with serving(file) as client:
        assert (await user(client, gone), await user(client, kept)) == (401, "alice")


def test_the_file_is_private_and_holds_no_key(file: Path) -> None:
    key = add_key(file, "alice")
    assert file.stat().st_mode & 0o777 == 0o600
    assert key.rpartition("_")[2] not in file.read_text()


async def test_a_file_that_others_can_read_stops_the_start(file: Path) -> None:
    add_key(file, "alice")
    rewrite(file, "".join(lines_of(file)), mode=0o640)
    with pytest.raises(StartupError, match=r"^server\.auth\.api-keys\.file: .* give it mode 0600$"):
        async with serving(file):
            pass


async def test_a_missing_file_stops_the_start(file: Path) -> None:
    with pytest.raises(StartupError, match="cannot be read: No such file"):
        async with serving(file):
            pass


async def test_all_malformed_lines_are_reported_together(file: Path) -> None:
    add_key(file, "alice")
    rewrite(file, lines_of(file)[0] * 2 + "hunter2\n\udcff\n")
    with pytest.raises(StartupError) as failed:
        async with serving(file):
            pass
    assert [problem.message.removeprefix(f"{file}: ") for problem in failed.value.problems] == [
        "line 2: the id is there already",
        "line 3: expected an id, a login and a SHA-256",
        "line 4: expected an id, a login and a SHA-256",
    ]


def test_a_line_without_an_end_is_not_continued(file: Path) -> None:
    add_key(file, "alice")
    rewrite(file, lines_of(file)[0].rstrip("\n"))
    add_key(file, "bob")
    assert sorted(key.login for key in read_keys(file).values()) == ["alice", "bob"]


@pytest.mark.parametrize("login", ["", "a b", "#a", "a\nb"])
def test_a_login_that_a_line_cannot_hold_is_refused(file: Path, login: str) -> None:
    with pytest.raises(ValueError, match="no spaces"):
        add_key(file, login)
    assert not file.exists()


def test_nothing_is_added_to_a_file_that_others_can_read(file: Path) -> None:
    rewrite(file, "", mode=0o644)
    with pytest.raises(MalformedFile):
        add_key(file, "alice")
    assert file.read_bytes() == b""


async def test_the_command_prints_a_key_that_works(file: Path) -> None:
    done = run("add", file, "alice")
    assert (done.returncode, done.stderr) == (0, "Restart the server to let the key in.\n")
    async with serving(file) as client:
        assert await user(client, done.stdout.strip()) == "alice"


def test_the_command_fails_for_a_directory_that_is_not_there(tmp_path: Path) -> None:
    done = run("add", tmp_path / "no" / "file", "alice")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No such file" in done.stderr
