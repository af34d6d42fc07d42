"""What tests of plugins run against: a real server of ours, and an identity provider with bad days."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fabro_auth_devtoken import new_token
from fabro_core.testing import FakeIdentityProvider, running
from tests.api.conftest import manifest

pytestmark = pytest.mark.anyio

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "http://127.0.0.1:1/auth/callback/github"


async def test_a_running_server_answers_over_a_socket_and_is_gone_afterwards() -> None:
    token = new_token()
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}}}
    async with running(settings, token=token, environ={"FABRO_DEV_TOKEN": token}) as server:
        assert (await server.client.get("/api/v1/user")).json() == {"login": "dev"}
        run = await server.client.post("/api/v1/runs", json=manifest())
        assert run.json()["links"]["web"] == f"{server.url}/runs/{run.json()['id']}", "links lead to it"
        async with httpx.AsyncClient() as stranger:
            assert (await stranger.get(f"{server.url}/api/v1/user")).status_code == 401
    async with httpx.AsyncClient() as stranger:
        with pytest.raises(httpx.ConnectError):
            await stranger.get(f"{server.url}/health")


async def authorized(provider: FakeIdentityProvider, client: httpx.AsyncClient) -> dict[str, list[str]]:
    """What comes back to the redirect URI."""
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": REDIRECT,
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    answer = await client.get(f"{provider.url}/login/oauth/authorize", params=query)
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer.headers["location"]).query)


async def exchanged(
    provider: FakeIdentityProvider, client: httpx.AsyncClient, code: str, verifier: str
) -> httpx.Response:
    form = {
        "client_id": provider.client_id,
        "client_secret": provider.client_secret,
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": REDIRECT,
        "grant_type": "authorization_code",
    }
    return await client.post(f"{provider.url}/login/oauth/access_token", data=form)


async def test_the_code_flow_leads_to_the_user_once() -> None:
    async with FakeIdentityProvider().running() as provider, httpx.AsyncClient() as client:
        back = await authorized(provider, client)
        assert back["state"] == ["s"]
        token = (await exchanged(provider, client, back["code"][0], VERIFIER)).json()["access_token"]
        user = await client.get(f"{provider.url}/user", headers={"Authorization": f"Bearer {token}"})
        assert user.json()["login"] == "mona"
        assert "error" in (await exchanged(provider, client, back["code"][0], VERIFIER)).json()
        assert (await client.get(f"{provider.url}/user")).status_code == 401


async def test_a_wrong_verifier_is_refused() -> None:
    async with FakeIdentityProvider().running() as provider, httpx.AsyncClient() as client:
        code = (await authorized(provider, client))["code"][0]
        assert "error" in (await exchanged(provider, client, code, "w" * 43)).json()


async def test_it_has_bad_days() -> None:
    async with FakeIdentityProvider().running() as provider, httpx.AsyncClient() as client:
        provider.mood = "denying"
        assert (await authorized(provider, client))["error"] == ["access_denied"]
        provider.mood = "forgetting_state"
        assert (await authorized(provider, client))["state"] != ["s"]
        provider.mood = "babbling"
        with pytest.raises(ValueError, match="Expecting value"):
            (await exchanged(provider, client, "code", VERIFIER)).json()
        provider.mood = "failing"
        assert (await client.get(f"{provider.url}/user")).status_code == 500
        provider.mood = "slow"
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"{provider.url}/user", timeout=0.5)
        assert len(provider.requests) == 5
