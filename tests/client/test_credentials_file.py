"""The file that logins are kept in (auth.md A28)."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fabro_core.client.credentials_file import CredentialsFile, credentials_path
from fabro_core.client.faults import ClientFailed
from fabro_core.client.logins import DevTokenLogin, OAuthLogin
from fabro_core.secret import Secret

OAUTH = OAuthLogin(
    login="mona",
    access_token=Secret("eyJ.a.b"),
    access_token_expires_at=datetime(2026, 8, 2, 8, 10, tzinfo=UTC),
    refresh_token=Secret("fabro_refresh_x.y"),
    refresh_token_expires_at=datetime(2026, 9, 1, 8, tzinfo=UTC),
)
DEV = DevTokenLogin(login="dev", token=Secret("fabro_dev_0"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "auth.json"


def put(path: Path, **logins: OAuthLogin | DevTokenLogin) -> None:
    with CredentialsFile(path).changing() as kept:
        kept.update(logins)


def test_it_is_in_the_home_unless_a_variable_names_it(tmp_path: Path) -> None:
    environ = {"FABRO_HOME": str(tmp_path)}
    assert credentials_path(environ) == tmp_path / "auth.json"
    assert credentials_path({**environ, "FABRO_AUTH_FILE": " "}) == tmp_path / "auth.json"
    assert credentials_path({**environ, "FABRO_AUTH_FILE": "/elsewhere/a"}) == Path("/elsewhere/a")


def test_what_is_put_in_is_found(path: Path) -> None:
    put(path, one=OAUTH, two=DEV)
    assert CredentialsFile(path).logins() == {"one": OAUTH, "two": DEV}


def test_nobody_else_can_read_it_whatever_it_was_before(path: Path) -> None:
    put(path, one=OAUTH)
    path.chmod(0o644)
    put(path, two=DEV)
    modes = [each.stat().st_mode & 0o777 for each in (path.parent, *sorted(path.parent.iterdir()))]
    assert modes == [0o700, 0o600, 0o600]


def test_without_a_file_there_are_no_logins_and_reading_makes_none(path: Path) -> None:
    assert CredentialsFile(path).logins() == {}
    assert not path.parent.exists()


def test_a_change_that_fails_is_not_written(path: Path) -> None:
    put(path, one=OAUTH)
    before = path.read_bytes()
    with suppress(ZeroDivisionError), CredentialsFile(path).changing() as kept:
        del kept["one"]
        raise ZeroDivisionError
    assert path.read_bytes() == before


def test_a_reader_sees_the_old_logins_until_the_change_is_complete(path: Path) -> None:
    put(path, one=OAUTH)
    with CredentialsFile(path).changing() as kept:
        kept["one"] = DEV
        assert CredentialsFile(path).logins() == {"one": OAUTH}
    assert CredentialsFile(path).logins() == {"one": DEV}


WRITER = """
import sys
from pathlib import Path
from fabro_core.client.credentials_file import CredentialsFile
from fabro_core.client.logins import DevTokenLogin
from fabro_core.secret import Secret
file = CredentialsFile(Path(sys.argv[1]))
for number in range(50):
    with file.changing() as logins:
        logins[f"{sys.argv[2]}-{number}"] = DevTokenLogin(login="dev", token=Secret("t"))
"""


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert CredentialsFile(path).logins().keys() == {f"{name}-{number}" for name in "abc" for number in range(50)}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "secret",
        "[]",
        '{"version": 2, "servers": {}}',
        json.dumps({"servers": {"one": {"kind": "dev-token", "login": "dev", "token": ["secret"]}}}),
        json.dumps({"servers": {"one": {"kind": "secret"}}}),
    ],
)
def test_a_file_of_something_else_is_refused_without_showing_it_and_kept(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    for use in (lambda: CredentialsFile(path).logins(), lambda: put(path, two=DEV)):
        with pytest.raises(ClientFailed, match="holds no credentials") as caught:
            use()
        assert "secret" not in str(caught.value)
    assert path.read_text() == content


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with pytest.raises(ClientFailed, match="cannot write"):
        put(tmp_path / "plain" / "auth.json", one=DEV)


def test_no_secret_is_shown(path: Path) -> None:
    put(path, one=OAUTH, two=DEV)
    shown = repr(CredentialsFile(path).logins())
    assert not [secret for secret in ("eyJ", "fabro_refresh_", "fabro_dev_") if secret in shown]
