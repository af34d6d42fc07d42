"""Requests with a login that renews itself (auth.md A21, A28)."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from anyio import to_thread

from fabro_core.client.address import ServerAddress
from fabro_core.client.authenticated import AuthenticatedClient
from fabro_core.client.credentials_file import CredentialsFile
from fabro_core.client.faults import ClientFailed, LoginRequired, Refused
from fabro_core.client.logins import DevTokenLogin
from fabro_core.secret import Secret
from tests.client.scripted import another_machine_wins, login, refusing
from tests.client.sites import DEV_TOKEN, Site
from tests.ports import free_port

pytestmark = pytest.mark.anyio

USER = "/api/v1/user"
AFTER_EXPIRY = timedelta(minutes=10, seconds=6)
ASKING = (sys.executable, str(Path(__file__).with_name("asking.py")))


def keep(site: Site, token: str) -> None:
    with site.credentials.changing() as logins:
        logins[site.server.url] = DevTokenLogin(login="dev", token=Secret(token))


# -- what a request does with its login -----------------------------------------------------------------------------


async def test_a_login_that_is_good_is_left_as_it_is(github: Site) -> None:
    before = await github.logged_in()
    github.clock.advance(timedelta(minutes=9))
    assert await github.get(USER) == (200, {"login": "mona"})
    assert github.login() == before


async def test_expired_tokens_are_renewed_and_kept(github: Site) -> None:
    before = await github.logged_in()
    github.clock.advance(AFTER_EXPIRY)
    assert await github.get(USER) == (200, {"login": "mona"})
    renewed = github.login()
    assert renewed.refresh_token != before.refresh_token
    assert renewed.access_token_expires_at == github.clock.now() + timedelta(minutes=10)
    assert github.file.stat().st_mode & 0o777 == 0o600


async def test_a_login_lasts_as_long_as_it_is_used(github: Site) -> None:
    await github.logged_in()
    for _ in range(3):
        github.clock.advance(timedelta(days=29))
        assert await github.get(USER) == (200, {"login": "mona"})


async def test_other_errors_are_answers(github: Site) -> None:
    await github.logged_in()
    status, answer = await github.get("/api/v1/runs/01J8ZQ4D5S3T2R1V0W9X8Y7Z6A")
    assert (status, answer["errors"][0]["title"]) == (404, "Not Found")


async def test_without_a_login_nothing_is_sent(github: Site) -> None:
    with pytest.raises(LoginRequired) as caught:
        await github.get(USER)
    assert str(caught.value) == (
        f"Not logged in to {github.server.url}; run: fabro auth login --server {github.server.url}"
    )


async def test_a_login_whose_refresh_token_has_expired_is_over(github: Site) -> None:
    await github.logged_in()
    github.clock.advance(timedelta(days=31))
    with pytest.raises(LoginRequired):
        await github.get(USER)


async def test_a_login_that_was_ended_elsewhere_is_not_refreshed(github: Site) -> None:
    before = await github.logged_in()
    await github.server.client.post(
        "/auth/cli/logout", headers={"Authorization": f"Bearer {before.refresh_token.reveal()}"}
    )
    with pytest.raises(LoginRequired):
        await github.get(USER)
    assert github.login() == before


async def test_a_dev_token_that_was_replaced_needs_a_login(github: Site) -> None:
    keep(github, DEV_TOKEN)
    assert await github.get(USER) == (200, {"login": "dev"})
    keep(github, "fabro_dev_" + "0" * 64)
    with pytest.raises(LoginRequired):
        await github.get(USER)


def test_a_server_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    file = CredentialsFile(tmp_path / "auth.json")
    address = ServerAddress.parse(f"http://127.0.0.1:{free_port()}")
    with file.changing() as logins:
        logins[address.name] = DevTokenLogin(login="dev", token=Secret(DEV_TOKEN))
    with AuthenticatedClient(address, file) as client, pytest.raises(ClientFailed, match="cannot reach") as caught:
        client.request("GET", USER)
    assert address.name in str(caught.value)


@pytest.mark.parametrize("token", ["two words", "line\nfeed", "tök", ""])
def test_what_is_no_token_is_not_sent_and_not_repeated(tmp_path: Path, token: str) -> None:
    file = CredentialsFile(tmp_path / "auth.json")
    address = ServerAddress.of_socket(tmp_path / "nothing.sock")
    with file.changing() as logins:
        logins[address.name] = DevTokenLogin(login="dev", token=Secret(token))
    with (
        AuthenticatedClient(address, file) as client,
        pytest.raises(ClientFailed, match="characters that no token has") as caught,
    ):
        client.request("GET", USER)
    assert not token or token not in str(caught.value)


# -- several at once ------------------------------------------------------------------------------------------------


def ask_at_once(site: Site, processes: int) -> list[tuple[int, str, str]]:
    """Exit code, output and messages of processes that were let go together."""
    with ExitStack() as stack:
        asking = []
        for _ in range(processes):
            process = subprocess.Popen(
                [*ASKING, site.server.url, str(site.file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
                env=site.home.environ,
            )
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            asking.append(process)
        for process in asking:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=60) for process in asking]
        return [(process.returncode, *output) for process, output in zip(asking, outputs, strict=True)]


async def test_processes_that_renew_at_once_all_go_on(github: Site) -> None:
    for _ in range(3):
        before = await github.logged_in()
        github.clock.advance(AFTER_EXPIRY)
        assert await to_thread.run_sync(ask_at_once, github, 3) == [(0, "mona\n", "")] * 3
        assert github.login() != before
        github.clock.advance(AFTER_EXPIRY)
        assert await github.get(USER) == (200, {"login": "mona"})


async def test_a_command_without_a_good_login_is_exit_4_with_a_hint(github: Site) -> None:
    await github.logged_in()
    github.clock.advance(timedelta(days=31))
    ((code, output, message),) = await to_thread.run_sync(ask_at_once, github, 1)
    assert (code, output) == (4, "")
    assert message.endswith(f"run: fabro auth login --server {github.server.url}\n")


# -- a file that is shared where locks do not reach -----------------------------------------------------------------


def test_who_loses_a_race_goes_on_with_the_tokens_of_the_winner(tmp_path: Path) -> None:
    with refusing(tmp_path, 401, "refresh_token_raced", another_machine_wins) as server:
        assert server.ask() == 200
        assert server.requests == [
            ("/api/v1/user", "access-1"),
            ("/auth/cli/refresh", "fabro_refresh_1"),
            ("/api/v1/user", "access-2"),
        ]
        assert server.credentials.logins() == {server.url: login(2)}


@pytest.mark.parametrize(
    "code", ["refresh_token_raced", "refresh_token_expired", "refresh_token_revoked", "unauthorized"]
)
def test_a_refresh_that_is_refused_is_tried_once(tmp_path: Path, code: str) -> None:
    with refusing(tmp_path, 401, code) as server:
        with pytest.raises(LoginRequired):
            server.ask()
        assert [path for path, _ in server.requests] == ["/api/v1/user", "/auth/cli/refresh"]
        assert server.credentials.logins() == {server.url: login(1)}


@pytest.mark.parametrize(("status", "code"), [(403, "unauthorized"), (429, "rate_limited"), (503, "store_unavailable")])
def test_a_refusal_that_a_login_would_not_mend_is_told_as_it_is(tmp_path: Path, status: int, code: str) -> None:
    with refusing(tmp_path, status, code) as server:
        with pytest.raises(Refused, match=r"No$") as caught:
            server.ask()
        assert (caught.value.status, caught.value.code) == (status, code)
        assert server.credentials.logins() == {server.url: login(1)}
