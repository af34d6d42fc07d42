"""The settings in force, over HTTP (server.md S8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conftest import in_memory, serving

pytestmark = pytest.mark.anyio

NO_PROVIDER = {"enabled": False}


async def test_the_settings_are_shown_without_secrets_and_plugin_tables(tmp_path: Path) -> None:
    async with serving(in_memory(api={"url": "https://api.example.com/"}), tmp_path) as server:
        answer = await server.client.get("/api/v1/settings")
        root = str(tmp_path / "storage")
        assert answer.json() == {
            "server": {
                "listen": {"type": "unix", "path": str(tmp_path / "fabro.sock")},
                "api": {"url": "https://api.example.com"},
                "web": {"enabled": True, "url": "http://localhost:3000"},
                "auth": {"methods": ["dev-token"], "github": {"allowed_usernames": []}},
                "store": {"kind": "memory"},
                "extensions": {"enabled": []},
                "storage": {"root": root},
                "logging": {"level": "info", "format": "text", "destination": "stdout"},
                "scheduler": {"max_concurrent_runs": 5},
                "limits": {"max_body_bytes": 2097152, "login_attempts_per_minute": 10, "sse_max_seconds": 0},
                "sandbox": {"providers": dict.fromkeys(("local", "docker", "daytona"), NO_PROVIDER)},
                "artifacts": {"prefix": "", "store": {"type": "local", "root": f"{root}/objects/artifacts"}},
                "slatedb": {
                    "prefix": "",
                    "store": {"type": "local", "root": f"{root}/objects/slatedb"},
                    "flush_interval": "1ms",
                    "disk_cache": False,
                },
                "integrations": {
                    "github": {
                        "enabled": False,
                        "strategy": "token",
                        "app_id": None,
                        "client_id": None,
                        "slug": None,
                        "webhooks": None,
                    },
                    "slack": {"enabled": False, "default_channel": None},
                },
            }
        }
        assert (await server.anonymous.get("/api/v1/settings")).status_code == 401


async def test_of_a_plugin_only_the_list_of_who_is_let_in_is_shown(tmp_path: Path) -> None:
    github = {"client_id": "Iv1.0123", "allowed_usernames": ["Mona", "hubot"]}
    settings = in_memory(auth={"methods": ["github", "dev-token"], "github": github})
    async with serving(settings, tmp_path, GITHUB_APP_CLIENT_SECRET="x") as server:
        shown = (await server.client.get("/api/v1/settings")).json()["server"]["auth"]
    assert shown == {"methods": ["github", "dev-token"], "github": {"allowed_usernames": ["mona", "hubot"]}}


async def test_every_list_of_who_is_let_in_is_shown(tmp_path: Path) -> None:
    github = {"client_id": "Iv1.0123", "allowed_user_ids": [90210, 7]}
    settings = in_memory(auth={"methods": ["github", "dev-token"], "github": github})
    async with serving(settings, tmp_path, GITHUB_APP_CLIENT_SECRET="x") as server:
        shown = (await server.client.get("/api/v1/settings")).json()["server"]["auth"]
    assert shown["github"] == {"allowed_usernames": [], "allowed_user_ids": [90210, 7]}


async def test_what_changed_while_the_server_runs_is_shown_as_it_is_now(tmp_path: Path) -> None:
    listen = {"type": "tcp", "address": "127.0.0.1:3000"}
    async with serving(in_memory(listen=listen), tmp_path) as server:
        server.app.auth.attempts.limit = 3
        server.app.log_level = "debug"
        shown = (await server.client.get("/api/v1/settings")).json()["server"]
        assert shown["limits"]["login_attempts_per_minute"] == 3
        assert shown["logging"]["level"] == "debug"
        assert shown["listen"] == listen
