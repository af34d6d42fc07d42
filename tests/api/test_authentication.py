"""Credentials over HTTP: which one counts, and how a refusal looks (auth.md A2 to A6)."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fabro_core.auth.base import AuthMethod, Bearer, Identity
from fabro_core.errors import CredentialsRejected
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from tests.api.conftest import Server, in_memory, manifest, serving

pytestmark = pytest.mark.anyio

MISSING = 'Bearer realm="fabro"'
INVALID = 'Bearer realm="fabro", error="invalid_token"'
SECRET = "fabro_dev_" + "1" * 64


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


@pytest.mark.parametrize(
    ("headers", "code", "challenge"),
    [
        ([], None, MISSING),
        ([("Cookie", "__fabro_session=garbage")], None, MISSING),
        ([("Authorization", "")], "unauthorized", MISSING),
        ([("Authorization", "Basic ZGV2OmRldg==")], "unauthorized", MISSING),
        ([("Authorization", "Bearer")], "unauthorized", MISSING),
        ([("Authorization", f"Bearer {SECRET}"), ("Authorization", f"Bearer {SECRET}")], "unauthorized", MISSING),
        ([("Authorization", "Bearer fabro_refresh_6f1f.x")], "unauthorized", INVALID),
        ([("Authorization", f"Bearer {SECRET}")], "access_token_invalid", INVALID),
        ([("Authorization", "Bearer a.b.c")], "access_token_invalid", INVALID),
        ([("Authorization", "Bearer " + "x" * 9_000)], "access_token_invalid", INVALID),
    ],
    ids=["none", "cookie", "blank", "basic", "bare", "twice", "refresh", "wrong", "jwt", "long"],
)
async def test_a_refusal_tells_what_was_wrong_and_echoes_nothing(
    server: Server,
    headers: list[tuple[str, str]],
    code: str | None,
    challenge: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = await server.anonymous.get("/api/v1/user", headers=headers)
    (entry,) = answer.json()["errors"]
    assert (answer.status_code, entry.get("code"), entry["detail"]) == (401, code, "Authentication required.")
    assert answer.headers["www-authenticate"] == challenge
    assert SECRET not in answer.text + caplog.text


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER   "])
async def test_a_good_token_counts_whatever_stands_beside_it(server: Server, scheme: str) -> None:
    headers = {"Authorization": scheme + server.token, "Cookie": "__fabro_session=garbage"}
    assert (await server.anonymous.get("/api/v1/user", headers=headers)).json() == {"login": "dev"}


async def test_the_dev_token_needs_no_web_ui(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path) as server:
        assert (await server.client.get("/api/v1/user")).status_code == 200


# -- a method of somebody else -------------------------------------------------------------------------------------


class Badges(AuthMethod):
    """Accepts `badge_<login>`; some badges misbehave."""

    token_prefixes = ("badge_",)

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        match credential.token.reveal().removeprefix("badge_"):
            case "revoked":
                raise CredentialsRejected
            case "broken":
                raise RuntimeError("the badge reader is on fire")
            case login:
                return Identity(issuer="badges", subject=login, login=login, avatar_url="https://img.example/b.png")

    async def permits(self, identity: Identity, /) -> bool:
        return identity.login != "banned"


@hookimpl
def fabro_auth_method() -> AuthMethod:
    return Badges()


BADGES = InlinePlugin(
    group=Group.AUTH,
    name="front-door",
    target=SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_auth_method=fabro_auth_method),
)


@pytest.mark.parametrize(
    ("badge", "status", "code", "header"),
    [
        ("revoked", 401, "access_token_invalid", ("www-authenticate", INVALID)),
        ("banned", 403, "login_not_permitted", None),
        ("broken", 503, "method_unavailable", ("retry-after", "5")),
    ],
)
async def test_a_method_may_refuse_and_may_fail(
    tmp_path: Path, badge: str, status: int, code: str, header: tuple[str, str] | None
) -> None:
    settings = in_memory(auth={"methods": ["dev-token", "front-door"]})
    async with serving(settings, tmp_path, BADGES) as server:
        answer = await server.anonymous.get("/api/v1/runs", headers={"Authorization": f"Bearer badge_{badge}"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
        assert header is None or header in answer.headers.items()
        assert "on fire" not in answer.text
        assert (await server.client.get("/api/v1/runs")).status_code == 200


async def test_a_run_remembers_who_created_it_and_how_they_signed_in(tmp_path: Path) -> None:
    settings = in_memory(auth={"methods": ["front-door", "dev-token"]})
    async with serving(settings, tmp_path, BADGES) as server:
        headers = {"Authorization": "Bearer badge_ann"}
        created: dict[str, Any] = (await server.anonymous.post("/api/v1/runs", json=manifest(), headers=headers)).json()
        assert created["created_by"] == {
            "kind": "user",
            "identity": {"issuer": "badges", "subject": "ann"},
            "login": "ann",
            "auth_method": "front_door",
            "avatar_url": "https://img.example/b.png",
        }
        me = (await server.anonymous.get("/api/v1/auth/me", headers=headers)).json()
        assert (me["provider"], me["user"]["avatarUrl"]) == ("front-door", "https://img.example/b.png")
        assert (await server.anonymous.get("/api/v1/auth/config")).json()["methods"] == ["front-door", "dev-token"]
