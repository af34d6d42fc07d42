"""`fabro auth status` and `fabro auth logout` (auth.md A22, A28)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fabro_core.client.logins import DevTokenLogin, OAuthLogin
from fabro_core.secret import Secret
from tests.cli.terminal import Home
from tests.client.sites import Site
from tests.ports import free_port

pytestmark = pytest.mark.anyio

PAST, FUTURE = datetime(2001, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


def oauth(access: datetime, refresh: datetime) -> dict[str, str]:
    """An entry of the file."""
    return {
        "kind": "oauth",
        "login": "mona",
        "access_token": "access",
        "access_token_expires_at": access.isoformat(),
        "refresh_token": "fabro_refresh_x",
        "refresh_token_expires_at": refresh.isoformat(),
    }


def with_logins(directory: Path, **servers: dict[str, str]) -> Home:
    """A home in which these are kept; the server `example` is `http://example`."""
    home = Home(directory / "home")
    home.path.mkdir()
    document = {"version": 1, "servers": {f"http://{name}": entry for name, entry in servers.items()}}
    (home.path / "auth.json").write_text(json.dumps(document))
    return home


# -- status ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return with_logins(
        tmp_path,
        good=oauth(FUTURE, FUTURE),
        late=oauth(PAST, FUTURE),
        over=oauth(PAST, PAST),
        dev={"kind": "dev-token", "login": "dev", "token": "fabro_dev_x"},
    )


def test_how_good_each_login_is_is_told_without_asking(home: Home) -> None:
    done = home.run("auth", "status")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "http://dev dev active",
        "http://good mona active",
        "http://late mona expired_refreshable",
        "http://over mona expired",
    ]


def test_programs_are_told_when_it_ends(home: Home) -> None:
    done = home.run("auth", "status", "--json")

    dev, _, late, _ = json.loads(done.stdout)
    assert dev == {
        "server": "http://dev",
        "login": "dev",
        "status": "active",
        "access_token_expires_at": None,
        "refresh_token_expires_at": None,
    }
    assert late == {
        "server": "http://late",
        "login": "mona",
        "status": "expired_refreshable",
        "access_token_expires_at": "2001-01-01T00:00:00Z",
        "refresh_token_expires_at": "2999-01-01T00:00:00Z",
    }
    assert "fabro_refresh_x" not in done.stdout
    assert "fabro_dev_x" not in done.stdout


def test_without_logins_there_is_nothing_to_tell(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    told, as_json = home.run("auth", "status"), home.run("auth", "status", "--json")
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "Not logged in to any server\n")
    assert (as_json.returncode, json.loads(as_json.stdout), as_json.stderr) == (0, [], "")
    assert not home.path.exists()


def test_a_login_ends_at_the_instant_that_was_named() -> None:
    login = OAuthLogin(
        login="mona",
        access_token=Secret("a"),
        access_token_expires_at=PAST,
        refresh_token=Secret("r"),
        refresh_token_expires_at=FUTURE,
    )
    assert (login.state(PAST), login.state(FUTURE)) == ("expired_refreshable", "expired")
    assert DevTokenLogin(login="dev", token=Secret("t")).state(FUTURE) == "active"


# -- logout ---------------------------------------------------------------------------------------------------------


async def test_a_logout_ends_the_login_here_and_at_the_server(github: Site) -> None:
    login = await github.logged_in()

    done = await github.run("auth", "logout")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"Logged out of {github.server.url}\n")
    assert github.credentials.logins() == {}
    answer = await github.server.client.get(
        "/api/v1/user", headers={"Authorization": f"Bearer {login.access_token.reveal()}"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "access_token_invalid")


async def test_a_logout_again_changes_nothing(github: Site) -> None:
    done = await github.run("auth", "logout")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"Not logged in to {github.server.url}\n")


def test_a_login_is_forgotten_when_the_server_cannot_be_asked(tmp_path: Path) -> None:
    name = f"127.0.0.1:{free_port()}"
    home = with_logins(tmp_path, **{name: oauth(FUTURE, FUTURE), "other": oauth(FUTURE, FUTURE)})

    done = home.run("auth", "logout", "--server", f"http://{name}/")

    assert done.returncode == 0
    assert done.stderr.startswith(
        f"Logged out of http://{name}\nThe server does not know: cannot reach http://{name}: "
    )
    assert json.loads((home.path / "auth.json").read_text())["servers"].keys() == {"http://other"}


async def test_all_logins_can_be_ended_at_once(github: Site) -> None:
    login = await github.logged_in()
    unreachable = f"http://127.0.0.1:{free_port()}"
    with github.credentials.changing() as logins:
        logins |= {"no server": login, unreachable: login, "http://dev": DevTokenLogin(login="dev", token=Secret("t"))}

    done = await github.run("auth", "logout", "--all")

    assert done.returncode == 0
    ended = {line for line in done.stderr.splitlines() if line.startswith("Logged out")}
    assert ended == {f"Logged out of {name}" for name in (github.server.url, "no server", unreachable, "http://dev")}
    assert github.credentials.logins() == {}
    again = await github.server.client.post(
        "/auth/cli/refresh", headers={"Authorization": f"Bearer {login.refresh_token.reveal()}"}
    )
    assert (again.status_code, again.json()["error"]) == (401, "refresh_token_expired")


@pytest.mark.parametrize(
    "arguments",
    [
        ("logout", "--all", "--server", "http://localhost:3000"),
        ("logout", "--server", "fabro.example.com"),
        ("login", "--server", "/run/fabro.sock"),
        ("login", "--server", "http://localhost:3000", "--timeout", "0"),
        ("login", "--server", "http://localhost:3000", "--dev-token", ""),
        ("login", "--server", "http://localhost:3000", "--dev-token", "-"),
    ],
)
def test_wrong_usage_is_exit_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = Home(tmp_path / "home").run("auth", *arguments)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_variable_that_names_no_server_is_named(tmp_path: Path) -> None:
    done = Home(tmp_path / "home").run("auth", "logout", FABRO_SERVER="http://mona:password@localhost")
    assert done.returncode == 2
    assert "Invalid value for FABRO_SERVER" in done.stderr
    assert "password" not in done.stderr


def test_where_nothing_runs_a_server_has_to_be_named(tmp_path: Path) -> None:
    done = Home(tmp_path / "home").run("auth", "login")
    assert (done.returncode, done.stderr) == (1, "no server runs here; name one with --server or FABRO_SERVER\n")
