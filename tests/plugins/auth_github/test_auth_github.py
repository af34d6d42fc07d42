"""The GitHub method against a real provider of its kind (auth.md A13, A27)."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from fabro_auth_github import GitHubAuth, GitHubSettings
from fabro_auth_github.provider import GitHubFailed
from fabro_core.app import create_app
from fabro_core.auth.base import Identity, LoginAttempt, LoginCallback
from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.errors import StartupError
from fabro_core.secret import Secret
from fabro_core.testing import FakeIdentityProvider
from fabro_core.testing.identity_provider import Mood

pytestmark = pytest.mark.anyio

CALLBACK = "https://fabro.example/auth/callback/github"
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""RFC 7636, appendix B."""
ATTEMPT = LoginAttempt(callback_url=CALLBACK, state=Secret("s" * 43), code_verifier=Secret(VERIFIER))


@pytest.fixture
async def provider(anyio_backend: str) -> AsyncIterator[FakeIdentityProvider]:
    async with FakeIdentityProvider().running() as provider:
        yield provider


@pytest.fixture
def method(provider: FakeIdentityProvider) -> GitHubAuth:
    return method_of(provider)


def method_of(provider: FakeIdentityProvider, **changes: Any) -> GitHubAuth:
    settings = GitHubSettings(
        **{
            "client_id": provider.client_id,
            "client_secret": Secret(provider.client_secret),
            "allowed_usernames": ("mona",),
            "oauth_url": provider.url,
            "api_url": provider.url,
            **changes,
        }
    )
    method = GitHubAuth(lambda: settings)
    method.name = "github"
    return method


async def code_of(method: GitHubAuth, attempt: LoginAttempt = ATTEMPT) -> LoginCallback:
    """Agree at the provider; what it sends back."""
    redirect = await method.start_login(attempt)
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(redirect.url)
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["state"] == [attempt.state.reveal()]
    return LoginCallback(
        callback_url=attempt.callback_url,
        code=Secret(back["code"][0]),
        code_verifier=attempt.code_verifier,
        kept=redirect.keep,
    )


# -- there and back -----------------------------------------------------------------------------------------------


async def test_the_browser_is_sent_to_the_provider_with_exactly_what_the_flow_needs(method: GitHubAuth) -> None:
    url = urlsplit((await method.start_login(ATTEMPT)).url)
    assert url.path == "/login/oauth/authorize"
    assert parse_qs(url.query, strict_parsing=True) == {
        "response_type": ["code"],
        "client_id": ["test-client"],
        "redirect_uri": [CALLBACK],
        "scope": ["read:user"],
        "state": ["s" * 43],
        "code_challenge": [CHALLENGE],
        "code_challenge_method": ["S256"],
    }


async def test_a_code_leads_to_the_person_with_two_calls(method: GitHubAuth, provider: FakeIdentityProvider) -> None:
    provider.user = {"id": 90210, "login": "Mona", "name": None, "email": None, "avatar_url": None, "plan": {}}
    assert await method.finish_login(await code_of(method)) == Identity(
        issuer=provider.url,
        subject="90210",
        login="Mona",
        name="Mona",
        user_url=f"{provider.url}/Mona",
    )
    assert provider.requests == ["GET /login/oauth/authorize", "POST /login/oauth/access_token", "GET /user"]


async def test_what_the_profile_tells_is_taken_over(method: GitHubAuth, provider: FakeIdentityProvider) -> None:
    provider.user |= {"email": "mona@example.org", "avatar_url": "https://img.example.org/m.png"}
    identity = await method.finish_login(await code_of(method))
    assert (identity.name, identity.email, identity.avatar_url) == (
        "Mona L.",
        "mona@example.org",
        "https://img.example.org/m.png",
    )


async def test_an_enterprise_server_has_an_api_below_a_path(provider: FakeIdentityProvider) -> None:
    method = method_of(provider, api_url=f"{provider.url}/api/v3")
    callback = await code_of(method)
    with pytest.raises(GitHubFailed, match="the user endpoint answered 404"):
        await method.finish_login(callback)
    assert provider.requests[-1] == "GET /api/v3/user"


# -- bad days -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("failing", "the token endpoint answered 500"),
        ("babbling", "the token endpoint answered something else than GitHub does"),
        ("withholding", "the token endpoint gave no access token"),
        ("moving", "the token endpoint answered 307"),
        ("garrulous", "the token endpoint refused: unnamed"),
    ],
)
async def test_a_provider_with_a_bad_day_is_a_failure_that_repeats_nothing(
    method: GitHubAuth, provider: FakeIdentityProvider, mood: Mood, words: str
) -> None:
    callback = await code_of(method)
    provider.mood = mood
    with pytest.raises(GitHubFailed) as failed:
        await method.finish_login(callback)
    told = "".join(traceback.format_exception(failed.value))
    assert words in told
    for secret in (callback.code.reveal(), provider.client_secret, ATTEMPT.code_verifier.reveal()):
        assert secret not in told


@pytest.mark.parametrize(
    "profile",
    [
        {},
        {"id": "90210", "login": "mona"},
        {"id": True, "login": "mona"},
        {"id": 90210, "login": ""},
        {"id": 90210, "login": None},
        {"id": 90210, "login": "mona", "name": 7},
    ],
)
async def test_a_profile_of_another_shape_is_a_failure(
    method: GitHubAuth, provider: FakeIdentityProvider, profile: dict[str, Any]
) -> None:
    provider.user = profile
    with pytest.raises(GitHubFailed, match="the user endpoint answered something else"):
        await method.finish_login(await code_of(method))


async def test_a_code_is_good_for_its_own_verifier_callback_and_client_alone(
    method: GitHubAuth, provider: FakeIdentityProvider
) -> None:
    async def refused(asked: GitHubAuth, **changes: Any) -> None:
        callback = msgspec.structs.replace(await code_of(method), **changes)
        with pytest.raises(GitHubFailed, match="the token endpoint refused: "):
            await asked.finish_login(callback)

    await refused(method, code_verifier=Secret("w" * 43))
    await refused(method, callback_url="https://fabro.example/auth/callback/other")
    await refused(method, code=Secret("never-issued"))
    await refused(method_of(provider, client_secret=Secret("wrong")))


async def test_a_provider_that_is_not_there_is_a_failure(method: GitHubAuth, provider: FakeIdentityProvider) -> None:
    callback = await code_of(method)
    nobody = method_of(provider, oauth_url="http://127.0.0.1:1")
    with pytest.raises(GitHubFailed, match="the token endpoint cannot be reached: ConnectError"):
        await nobody.finish_login(callback)


# -- who may ------------------------------------------------------------------------------------------------------


def person(login: str, issuer: str) -> Identity:
    return Identity(issuer=issuer, subject="1", login=login)


async def test_the_list_of_users_takes_no_notice_of_letter_case(tmp_path: Path) -> None:
    assembly = assemble(SettingsReader(environ=environ(tmp_path)).read(document(allowed_usernames=["ALICE", " bob "])))
    (method,) = assembly.methods
    permitted = [await method.permits(person(login, "https://github.com")) for login in ("alice", "Bob", "carol", "")]
    assert permitted == [True, True, False, False]


@pytest.mark.parametrize(
    ("lists", "permitted"),
    [
        ({"allowed_usernames": ["mona"], "allowed_user_ids": [7]}, [True, True, False]),
        ({"allowed_usernames": [], "allowed_user_ids": [7]}, [False, True, False]),
        ({"allowed_usernames": None, "allowed_user_ids": [7, 90210]}, [True, True, False]),
        ({"allowed_usernames": ["7"]}, [False, False, False]),
    ],
)
async def test_an_account_is_let_in_by_name_or_number(
    tmp_path: Path, lists: dict[str, Any], permitted: list[bool]
) -> None:
    (method,) = assemble(SettingsReader(environ=environ(tmp_path)).read(document(**lists))).methods
    people = [("mona", "90210"), ("whatever-it-is-called-now", "7"), ("eve", "70")]
    found = [
        await method.permits(Identity(issuer="https://github.com", subject=number, login=login))
        for login, number in people
    ]
    assert found == permitted


async def test_a_name_that_somebody_else_took_over_is_let_in_by_name_alone(tmp_path: Path) -> None:
    taken_over = Identity(issuer="https://github.com", subject="666", login="mona")
    for lists, permitted in (
        ({"allowed_usernames": ["mona"]}, True),
        ({"allowed_usernames": [], "allowed_user_ids": [90210]}, False),
    ):
        (method,) = assemble(SettingsReader(environ=environ(tmp_path)).read(document(**lists))).methods
        assert await method.permits(taken_over) is permitted


async def test_a_namesake_at_another_github_is_somebody_else(
    method: GitHubAuth, provider: FakeIdentityProvider
) -> None:
    assert await method.permits(person("mona", provider.url))
    assert not await method.permits(person("mona", "https://github.com"))


# -- settings -----------------------------------------------------------------------------------------------------


def document(**table: Any) -> dict[str, Any]:
    whole = {"client_id": "Iv1.0123", "allowed_usernames": ["mona"], **table}
    github = {key: value for key, value in whole.items() if value is not None}
    return {"server": {"auth": {"methods": ["github"], "github": github}, "store": {"kind": "memory"}}}


def environ(home: Path, **changes: str) -> dict[str, str]:
    return {
        "FABRO_HOME": str(home),
        "SESSION_SECRET": "s" * 32,
        "GITHUB_APP_CLIENT_SECRET": "a client secret",
        **changes,
    }


def faults(settings: dict[str, Any], variables: dict[str, str]) -> list[str]:
    with pytest.raises(StartupError) as failed:
        assemble(SettingsReader(environ=variables).read(settings))
    return [problem.line() for problem in failed.value.problems]


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"client_id": None}, "server.auth.github.client_id: required, expected a non-empty string"),
        ({"client_id": ""}, "server.auth.github.client_id: expected a non-empty string, found an empty string"),
        (
            {"allowed_usernames": None},
            "server.auth.github.allowed_usernames: required, expected an array, each a GitHub username",
        ),
        (
            {"allowed_usernames": []},
            "server.auth.github.allowed_usernames: expected at least one entry, found an empty array",
        ),
        (
            {"allowed_usernames": None, "allowed_user_ids": []},
            "server.auth.github.allowed_usernames: expected at least one entry, found an empty array",
        ),
        (
            {"allowed_usernames": [], "allowed_user_ids": []},
            "server.auth.github.allowed_usernames: expected at least one entry, found an empty array",
        ),
        ({"allowed_user_ids": ["7"]}, "server.auth.github.allowed_user_ids[0]: expected an integer"),
        ({"allowed_user_ids": [0]}, "server.auth.github.allowed_user_ids[0]: expected an integer"),
        ({"allowed_user_ids": [True]}, "server.auth.github.allowed_user_ids[0]: expected an integer"),
        (
            {"allowed_usernames": ["mona", " "]},
            "server.auth.github.allowed_usernames[1]: expected a GitHub username, found a blank one",
        ),
        ({"oauth_url": "github.example"}, "server.auth.github.oauth_url: expected an absolute http(s) URL"),
        ({"api_url": "ftp://github.example"}, "server.auth.github.api_url: expected an absolute http(s) URL"),
        (
            {"client_secret": "hunter2"},
            "server.auth.github.client_secret: secrets are not read from this file; "
            "set the variable GITHUB_APP_CLIENT_SECRET",
        ),
    ],
)
def test_each_fault_of_the_table_stops_the_start_with_its_line(
    tmp_path: Path, table: dict[str, Any], line: str
) -> None:
    (found,) = faults(document(**table), environ(tmp_path))
    assert found.startswith(line)
    assert "hunter2" not in found


def test_a_missing_client_secret_stops_the_start(tmp_path: Path) -> None:
    (line,) = faults(document(), environ(tmp_path, GITHUB_APP_CLIENT_SECRET=""))
    assert line == "GITHUB_APP_CLIENT_SECRET: required by [server.auth.github]; set the variable"


def test_without_pages_nobody_could_sign_in(tmp_path: Path) -> None:
    settings = document()
    settings["server"]["web"] = {"enabled": False}
    (line,) = faults(settings, environ(tmp_path))
    assert line.startswith("server.auth.methods")


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    settings = document(client_id=None, allowed_usernames=[])
    settings["server"]["web"] = {"enabled": True}
    lines = faults(settings, environ(tmp_path, GITHUB_APP_CLIENT_SECRET="", SESSION_SECRET=""))
    assert [line.partition(":")[0] for line in lines] == [
        "server.auth.github.allowed_usernames",
        "server.auth.github.client_id",
        "GITHUB_APP_CLIENT_SECRET",
        "SESSION_SECRET",
    ]


def test_urls_are_kept_without_a_trailing_slash(tmp_path: Path) -> None:
    urls = {"oauth_url": "https://github.example/", "api_url": "https://github.example/api/v3/"}
    settings = SettingsReader(environ=environ(tmp_path)).read_valid(document(**urls)).tables["server.auth.github"]
    assert isinstance(settings, GitHubSettings)
    assert (settings.oauth_url, settings.api_url) == ("https://github.example", "https://github.example/api/v3")
    assert "a client secret" not in repr(settings)


def test_a_start_does_not_load_the_oauth_library(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from fabro_core.app import create_app\n"
        f"app = create_app({document()!r}, environ={environ(tmp_path)!r})\n"
        "async def main():\n"
        "    async with app.lifespan(): pass\n"
        "asyncio.run(main())\n"
        "assert 'fabro_auth_github' in sys.modules\n"
        "assert not {'authlib', 'httpx2'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


# -- asking the provider whether people could sign in ---------------------------------------------------------------


async def problems(provider: FakeIdentityProvider, **changes: Any) -> list[str]:
    return [problem.line() for problem in await method_of(provider, **changes).check_online()]


async def test_a_provider_that_knows_the_client_is_no_problem(provider: FakeIdentityProvider) -> None:
    assert await problems(provider) == []


async def test_a_wrong_client_secret_is_a_problem_that_does_not_repeat_it(provider: FakeIdentityProvider) -> None:
    (line,) = await problems(provider, client_secret=Secret("hunter2"))
    assert line == (
        "server.auth.github.client_id: GitHub refuses the client (incorrect_client_credentials); "
        "check it together with GITHUB_APP_CLIENT_SECRET"
    )


async def test_addresses_where_nobody_answers_are_problems(provider: FakeIdentityProvider) -> None:
    lines = await problems(provider, oauth_url="http://127.0.0.1:1", api_url="http://127.0.0.1:1")
    assert lines == [
        "server.auth.github.oauth_url: the token endpoint cannot be reached: ConnectError; "
        "check the address and the network",
        "server.auth.github.api_url: the user endpoint cannot be reached: ConnectError; "
        "check the address and the network",
    ]


async def test_addresses_of_something_else_are_problems(provider: FakeIdentityProvider) -> None:
    lines = await problems(provider, oauth_url=f"{provider.url}/elsewhere", api_url=f"{provider.url}/elsewhere")
    assert [line.partition(": ")[0] for line in lines] == [
        "server.auth.github.oauth_url",
        "server.auth.github.api_url",
    ]


async def test_a_start_contacts_nobody(provider: FakeIdentityProvider, tmp_path: Path) -> None:
    app = create_app(document(oauth_url=provider.url, api_url=provider.url), environ=environ(tmp_path))
    async with app.lifespan():
        assert provider.requests == []
