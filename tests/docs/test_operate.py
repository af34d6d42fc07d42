"""`docs/operate` and `docs/configure.md` against the code: exit codes, variables, settings files, the backup."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from fabro_auth_devtoken import DevTokenSettings
from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SESSION_SECRET, SESSION_SECRET_PREVIOUS, SettingsReader
from fabro_core.cli.failures import FAILED, LOGIN_REQUIRED, MISCONFIGURED
from fabro_core.cli.server_address import VARIABLE as SERVER
from fabro_core.client.credentials_file import LOCATION as AUTH_FILE
from fabro_core.config.load import VARIABLES
from fabro_core.config.shapes import declared_secrets
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import batch, list_all, row, run_id
from fabro_store_postgres import PostgresSettings
from fabro_store_redis import RedisSettings
from fabro_store_sqlite import DEFAULT_FILE, SqliteRunStore
from tests.docs.documents import blocks, code, table

pytestmark = pytest.mark.anyio

SECRETS = {"SESSION_SECRET": "s" * 32, "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64}


def test_every_variable_and_secret_is_in_the_table_of_the_environment() -> None:
    documented = {code(cells[0])[0]: cells[1] for cells in table("docs/configure.md", "Variable")}
    plugins = [
        secret for each in (DevTokenSettings, PostgresSettings, RedisSettings) for secret in declared_secrets(each)
    ]
    secrets = {SESSION_SECRET.name, SESSION_SECRET_PREVIOUS.name, *(secret.name for secret in plugins)}

    core = {"FABRO_HOME", "FABRO_CONFIG", "FORWARDED_ALLOW_IPS", *VARIABLES.values()}
    assert documented.keys() == {*core, *secrets, SERVER, AUTH_FILE}
    for key, variable in VARIABLES.items():
        assert documented[variable] == f"overrides `{key}`"


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    documented = [int(cells[0]) for cells in table("docs/operate/index.md", "Code")]
    assert documented == [0, FAILED, 2, LOGIN_REQUIRED, MISCONFIGURED]


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "docs/configure.md",
        "docs/operate/scale.md",
        "plugins/auth_devtoken/README.md",
        "plugins/store_postgres/README.md",
        "plugins/store_redis/README.md",
        "plugins/store_sqlite/README.md",
    ],
)
def test_a_server_starts_with_every_settings_file_that_is_shown(document: str, tmp_path: Path) -> None:
    for shown in blocks(document, "toml"):
        settings = tomllib.loads(shown)
        settings["server"].setdefault("auth", {"methods": ["dev-token"]})
        assembly = assemble(SettingsReader(environ={"FABRO_HOME": str(tmp_path), **SECRETS}).read(settings))
        assert assembly.warnings == ()


async def test_the_backup_is_complete_while_a_server_writes_and_after_it_has_ended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    database = home / ".fabro" / "storage" / DEFAULT_FILE
    database.parent.mkdir(parents=True)
    async with opened(SqliteRunStore(database)) as store:
        await store.append(batch(row(run_id(1))))
        _back_up(tmp_path / "open", home)
    _back_up(tmp_path / "closed", home)

    for name in ("open", "closed"):
        copy = tmp_path / name / "fabro-backup.db"
        assert copy.stat().st_mode & 0o777 == 0o600
        async with opened(SqliteRunStore(copy)) as store:
            assert (await list_all(store)).total == 1


def _back_up(directory: Path, home: Path) -> None:
    (block,) = blocks("docs/operate/index.md", "sh")
    directory.mkdir()
    environ = {**os.environ, "HOME": str(home)}
    done = subprocess.run(["sh", "-ec", block], cwd=directory, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
