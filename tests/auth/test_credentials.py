"""Judging a request's credentials (auth.md A4 to A6)."""

from __future__ import annotations

import pytest

from fabro_auth_devtoken import DevTokenAuth
from fabro_core.auth.authenticator import Authenticator
from fabro_core.auth.base import AuthMethod, Bearer, Identity
from fabro_core.auth.caller import User
from fabro_core.auth.refusals import LoginNotPermitted, MethodUnavailable, Unauthenticated
from fabro_core.auth.worker_tokens import WorkerTokens
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret
from fabro_core.testing.clock import ManualClock

pytestmark = pytest.mark.anyio

TOKEN = "fabro_dev_" + "0123456789abcdef" * 4


class Badges(AuthMethod):
    """Accepts `badge_<login>`; some badges misbehave. Remembers what it was shown."""

    name = "badge"
    token_prefixes = ("badge_",)

    def __init__(self) -> None:
        self.shown: list[str] = []

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        token = credential.token.reveal()
        self.shown.append(token)
        match token.removeprefix("badge_"):
            case "foreign":
                return None
            case "revoked":
                raise CredentialsRejected
            case "broken":
                raise RuntimeError("the badge reader is on fire")
            case login:
                return Identity(issuer="badges", subject=login, login=login)

    async def permits(self, identity: Identity, /) -> bool:
        if identity.login == "puzzling":
            raise RuntimeError("cannot tell")
        return identity.login != "banned"


@pytest.fixture
def badges() -> Badges:
    return Badges()


@pytest.fixture
def authenticator(badges: Badges) -> Authenticator:
    dev_token = DevTokenAuth(Secret(TOKEN))
    dev_token.name = "dev-token"
    return Authenticator([dev_token, badges], WorkerTokens(b"k" * 32, ManualClock()))


async def user_behind(authenticator: Authenticator, header: bytes) -> User:
    caller = await authenticator.authenticate(authorization(header))
    assert isinstance(caller, User)
    return caller


def authorization(*values: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"accept", b"*/*"), *((b"authorization", value) for value in values)]


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER   ", b"  Bearer "])
async def test_the_scheme_is_matched_in_any_case_with_any_number_of_spaces(
    authenticator: Authenticator, scheme: bytes
) -> None:
    caller = await user_behind(authenticator, scheme + TOKEN.encode() + b" ")
    assert (caller.method, caller.identity.login) == ("dev-token", "dev")


async def test_the_principal_names_the_method_in_its_snake_spelling(authenticator: Authenticator) -> None:
    caller = await user_behind(authenticator, b"Bearer " + TOKEN.encode())
    assert caller.principal.auth_method == "dev_token"
    assert caller.principal.avatar_url is None


async def test_without_a_header_there_is_no_code(authenticator: Authenticator) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await authenticator.authenticate(authorization())
    assert (refusal.value.code, refusal.value.token_was_given) == (None, False)


@pytest.mark.parametrize(
    "values",
    [
        [b""],
        [b" "],
        [b"Bearer"],
        [b"Bearer "],
        [b"Basic ZGV2OmRldg=="],
        [b"Bearer a b"],
        [b"Bearer\ta"],
        [b"Bearer \xc3\xa9"],
        [b"Bearer a\x00b"],
        [b"Bearer " + TOKEN.encode(), b"Bearer " + TOKEN.encode()],
        [TOKEN.encode()],
    ],
)
async def test_a_malformed_header_is_unauthorized(authenticator: Authenticator, values: list[bytes]) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await authenticator.authenticate(authorization(*values))
    assert (refusal.value.code, refusal.value.token_was_given) == ("unauthorized", False)


@pytest.mark.parametrize(
    "token",
    [
        "fabro_dev_" + "0" * 64,
        TOKEN[:-1],
        TOKEN + "0",
        TOKEN.upper(),
        "fabro_dev_",
        "unknown_token",
        "a.b.c",
        "badge_foreign",
        "badge_revoked",
        "badge_" + "x" * 8192,
    ],
)
async def test_a_token_that_nobody_accepts_is_invalid(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await authenticator.authenticate(authorization(b"Bearer " + token.encode()))
    assert (refusal.value.code, refusal.value.token_was_given) == ("access_token_invalid", True)


async def test_a_refresh_token_is_no_bearer_token(authenticator: Authenticator) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await authenticator.authenticate(authorization(b"Bearer fabro_refresh_x.y"))
    assert refusal.value.code == "unauthorized"


async def test_a_method_sees_only_tokens_with_its_own_prefix(authenticator: Authenticator, badges: Badges) -> None:
    await authenticator.authenticate(authorization(b"Bearer " + TOKEN.encode()))
    await authenticator.authenticate(authorization(b"Bearer badge_ann"))
    assert badges.shown == ["badge_ann"]


@pytest.mark.parametrize("token", [b"badge_broken", b"badge_puzzling"])
async def test_a_method_that_fails_is_unavailable_for_this_request_alone(
    authenticator: Authenticator, token: bytes
) -> None:
    with pytest.raises(MethodUnavailable):
        await authenticator.authenticate(authorization(b"Bearer " + token))
    assert (await user_behind(authenticator, b"Bearer badge_ann")).identity.login == "ann"


async def test_an_authentic_identity_that_is_not_permitted_is_refused(authenticator: Authenticator) -> None:
    with pytest.raises(LoginNotPermitted):
        await authenticator.authenticate(authorization(b"Bearer badge_banned"))


def test_a_secret_never_shows_itself() -> None:
    secret = Secret(TOKEN)
    assert TOKEN not in f"{secret} {secret!r} {[secret]} {secret:>40}"
