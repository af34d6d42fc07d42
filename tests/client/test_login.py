"""`fabro auth login`, in a process of its own, against a server with an identity provider (auth.md A19, A20, A28)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fabro_core import __version__
from fabro_core.client.logins import DevTokenLogin
from fabro_core.secret import Secret
from fabro_core.testing.identity_provider import Mood
from tests.client.sites import DEV_TOKEN, Site

pytestmark = pytest.mark.anyio


async def test_a_person_logs_in_with_the_browser(github: Site) -> None:
    done = await github.run("auth", "login")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == f"Logged in to {github.server.url} as mona"
    assert github.file.stat().st_mode & 0o777 == 0o600
    login = github.login()
    assert login.access_token_expires_at == github.clock.now() + timedelta(minutes=10)
    assert login.refresh_token_expires_at == github.clock.now() + timedelta(days=30)
    assert (await github.get("/api/v1/auth/me"))[1]["user"]["login"] == "mona"


async def test_no_token_is_shown(github: Site) -> None:
    done = await github.run("auth", "login")

    login = github.login()
    for token in (login.access_token, login.refresh_token):
        assert token.reveal() in github.file.read_text()
        assert token.reveal() not in done.stdout + done.stderr + repr(login)


async def test_the_server_knows_the_program(github: Site) -> None:
    await github.logged_in()
    _, answer = await github.get("/api/v1/auth/sessions")
    (own,) = (session for session in answer["sessions"] if session["current"])
    assert (own["kind"], own["userAgent"]) == ("cli", f"fabro-cli/{__version__}")


@pytest.mark.parametrize(
    ("mood", "reason"),
    [("denying", "Authorization denied"), ("babbling", "Could not complete GitHub sign-in")],
)
async def test_a_login_that_fails_in_the_browser_ends_the_command(github: Site, mood: Mood, reason: str) -> None:
    github.provider.mood = mood

    done = await github.run("auth", "login")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"login failed: {reason}"
    assert not github.file.exists()


async def test_who_is_not_on_the_list_is_told_so(github: Site) -> None:
    github.provider.user = {"id": 1, "login": "eve", "name": None, "email": None}

    done = await github.run("auth", "login")

    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "login failed: Login not permitted")


async def test_without_a_browser_the_url_is_shown_and_the_wait_ends(github: Site) -> None:
    done = await github.run("auth", "login", "--no-browser", "--timeout", "0.1")

    assert done.returncode == 1
    shown, url, reason = done.stderr.splitlines()
    assert (shown, reason) == ("To log in, go to:", "no login within 0.1 s")
    assert url.startswith(f"{github.server.url}/auth/cli/start?redirect_uri=http%3A%2F%2F127.0.0.1%3A")
    assert github.provider.requests == []


async def test_a_browser_that_is_not_there_is_no_fault(github: Site) -> None:
    done = await github.run("auth", "login", "--timeout", "0.1", BROWSER="no-such-browser")

    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "no login within 0.1 s")


async def test_a_second_login_ends_the_first_and_leaves_other_servers_alone(github: Site) -> None:
    first = await github.logged_in()
    with github.credentials.changing() as logins:
        other = logins["https://other"] = DevTokenLogin(login="dev", token=Secret("other"))

    second = await github.logged_in()

    assert github.credentials.logins() == {github.server.url: second, "https://other": other}
    statuses = [await status_with(github, login.access_token) for login in (first, second)]
    assert statuses == [401, 200]


async def status_with(site: Site, token: Secret) -> int:
    answer = await site.server.client.get("/api/v1/user", headers={"Authorization": f"Bearer {token.reveal()}"})
    return answer.status_code


async def test_a_server_without_a_way_through_the_browser_says_what_to_do(dev_only: Site) -> None:
    done = await dev_only.run("auth", "login")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{dev_only.server.url} has no login with the browser; use --dev-token\n"


@pytest.mark.parametrize("place", ["argument", "environment"])
async def test_a_dev_token_logs_in(dev_only: Site, place: str) -> None:
    done = (
        await dev_only.run("auth", "login", "--dev-token", DEV_TOKEN)
        if place == "argument"
        else await dev_only.run("auth", "login", FABRO_DEV_TOKEN=DEV_TOKEN)
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"Logged in to {dev_only.server.url} as dev\n")
    assert DEV_TOKEN not in repr(dev_only.credentials.logins())
    assert (await dev_only.get("/api/v1/user")) == (200, {"login": "dev"})


@pytest.mark.parametrize("token", ["fabro_dev_" + "00" * 32, "two words", "tök", "line\nfeed"])
async def test_a_token_that_is_not_accepted_is_neither_kept_nor_repeated(dev_only: Site, token: str) -> None:
    done = await dev_only.run("auth", "login", "--dev-token", token)

    assert (done.returncode, done.stdout) == (1, "")
    assert token not in done.stderr
    assert "Traceback" not in done.stderr
    assert not dev_only.file.exists()
