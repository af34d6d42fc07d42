"""`docs/sign-in.md` against a server: its settings, its commands, and what the login page says."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import anyio
import pytest

from fabro_auth_devtoken import new_token
from fabro_core.auth.sessions import COOKIE, LIFETIME
from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.testing import running
from fabro_core.web.pages import LOGIN_FAILURES
from tests.docs.documents import blocks, table, text_of

pytestmark = pytest.mark.anyio

DOCUMENT = "docs/sign-in.md"
ADDRESS = "http://127.0.0.1:3000"
SECRETS = {
    "SESSION_SECRET": "s" * 32,
    "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64,
    "GITHUB_APP_CLIENT_SECRET": "a secret",
}


@pytest.mark.parametrize("document", [DOCUMENT, "plugins/auth_github/README.md"])
def test_a_server_starts_with_the_settings_that_are_shown(document: str, tmp_path: Path) -> None:
    (shown,) = blocks(document, "toml")
    assembly = assemble(SettingsReader(environ={"FABRO_HOME": str(tmp_path), **SECRETS}).read(tomllib.loads(shown)))
    assert "github" in [method.name for method in assembly.methods]
    assert assembly.warnings == ()


async def test_the_commands_sign_in_and_list_runs(tmp_path: Path) -> None:
    token = new_token()
    (tmp_path / ".fabro").mkdir()
    (tmp_path / ".fabro" / "server.env").write_text(f"FABRO_DEV_TOKEN={token}\n")
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}}}
    (block,) = blocks(DOCUMENT, "sh")
    async with running(settings, environ={"FABRO_DEV_TOKEN": token}) as server:
        done = await anyio.run_process(
            ["sh", "-ec", block.replace(ADDRESS, server.url)],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)},
            stderr=subprocess.STDOUT,
            check=False,
        )
    assert (done.returncode, json.loads(done.stdout)) == (0, {"data": [], "meta": {"has_more": False, "total": 0}})
    assert COOKIE in (tmp_path / "cookies").read_text()
    assert (tmp_path / "cookies").stat().st_mode & 0o777 == 0o600


def test_everything_that_the_login_page_says_is_explained() -> None:
    assert [cells[0] for cells in table(DOCUMENT, "The login page says")] == list(LOGIN_FAILURES.values())


def test_cookie_and_lifetime_are_those_of_the_code() -> None:
    assert f"`{COOKIE}`" in text_of(DOCUMENT)
    assert f"{LIFETIME.days} days from the sign-in" in text_of(DOCUMENT)
