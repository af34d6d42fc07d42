"""Secrets over HTTP and in the store (resources.md X6, X16 row 12)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import SESSION_SECRET, Server, in_memory, serving
from tests.api.stored_bytes import bytes_below
from tests.api.test_contract import check, check_error

pytestmark = pytest.mark.anyio

PATH = "/api/v1/secrets"
VALUE = "hidden-value"
SQLITE = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "sqlite"}}}


async def set_(server: Server, name: str, kind: str = "token", value: str = VALUE, **more: Any) -> dict[str, Any]:
    answer = await server.client.post(PATH, json={"name": name, "value": value, "type": kind, **more})
    assert answer.status_code == 200, answer.text
    check(answer, "createSecret")
    assert value not in answer.text
    metadata: dict[str, Any] = answer.json()
    return metadata


async def delete(server: Server, name: Any) -> httpx.Response:
    return await server.client.request("DELETE", PATH, json={"name": name})


async def test_a_secret_is_set_listed_without_its_value_and_deleted(server: Server) -> None:
    set_first = await set_(server, "GITHUB_TOKEN", description="CI")
    assert set_first == {
        "name": "GITHUB_TOKEN",
        "type": "token",
        "description": "CI",
        "created_at": set_first["created_at"],
        "updated_at": set_first["created_at"],
    }
    other = await set_(server, "A")
    assert "description" not in other
    listed = await server.client.get(PATH)
    check(listed, "listSecrets")
    assert listed.json() == {"data": [other, set_first]}
    assert VALUE not in listed.text
    assert (await delete(server, "GITHUB_TOKEN")).status_code == 204
    check_error(await delete(server, "GITHUB_TOKEN"), 404)
    assert (await server.client.get(PATH)).json() == {"data": [other]}


async def test_setting_it_again_keeps_when_it_was_created_and_what_is_not_said(server: Server) -> None:
    first = await set_(server, "TOKEN", description="CI")
    server.clock.advance(timedelta(seconds=5))
    second = await set_(server, "TOKEN", "oauth", '{"access": "hidden-value"}')
    assert (second["type"], second["description"], second["created_at"]) == ("oauth", "CI", first["created_at"])
    assert second["updated_at"] > first["updated_at"]
    assert (await set_(server, "TOKEN", description=""))["description"] == ""


@pytest.mark.parametrize("name", ["/etc/key", "/a.b/..c/k y", "GITHUB_APP_PRIVATE_KEY"])
async def test_a_file_is_named_by_its_path(server: Server, name: str) -> None:
    assert (await set_(server, name, "file"))["name"] == name
    assert (await delete(server, name)).status_code == 204


@pytest.mark.parametrize(
    ("kind", "name"),
    [("token", name) for name in ("", "1A", "A-B", "A\n", "/etc/key", "Ä")]
    + [("oauth", "/etc/key")]
    + [("file", name) for name in ("", "/", "/etc/", "etc/key", "/etc/../key", "/..", "/a\u0000", "TOKEN")],
)
async def test_a_name_that_cannot_be_is_refused(server: Server, kind: str, name: str) -> None:
    value = "{}" if kind == "oauth" else VALUE
    check_error(await server.client.post(PATH, json={"name": name, "value": value, "type": kind}), 400)
    assert (await server.client.get(PATH)).json() == {"data": []}


@pytest.mark.parametrize(
    "name", ["SESSION_SECRET", "SESSION_SECRET_PREVIOUS", "FABRO_DEV_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_"]
)
async def test_names_that_the_server_has_from_elsewhere_are_refused(server: Server, name: str) -> None:
    check_error(await server.client.post(PATH, json={"name": name, "value": VALUE, "type": "token"}), 400)
    check_error(await delete(server, name), 404)


@pytest.mark.parametrize("value", ["", "[]", "x", "{", "null", "[" * 100_000])
async def test_an_oauth_value_is_a_json_object(server: Server, value: str) -> None:
    answer = await server.client.post(PATH, json={"name": "A", "value": value, "type": "oauth"})
    check_error(answer, 400)


@pytest.mark.parametrize("body", [{}, {"name": 1}, {"name": ""}, {"name": "a/b"}, []])
async def test_what_is_to_be_deleted_is_named_in_the_body(server: Server, body: Any) -> None:
    check_error(await server.client.request("DELETE", PATH, json=body), 400)


async def test_a_type_that_there_is_not_is_refused(server: Server) -> None:
    check_error(await server.client.post(PATH, json={"name": "A", "value": VALUE, "type": "odd"}), 400)
    check_error(await server.client.request("DELETE", PATH), 400)


@pytest.mark.slow
async def test_the_store_does_not_see_values(tmp_path: Path) -> None:
    async with serving(SQLITE, tmp_path) as server:
        await set_(server, "GITHUB_TOKEN", value="first-hidden-value")
        await set_(server, "GITHUB_TOKEN", value="second-hidden-value")
        stored = bytes_below(tmp_path)
        assert b"GITHUB_TOKEN" in stored
        assert b"hidden" not in stored
    assert b"hidden" not in bytes_below(tmp_path)


async def test_without_a_session_secret_none_is_set(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path, session_secret=None) as server:
        answer = await server.client.post(PATH, json={"name": "A", "value": VALUE, "type": "token"})
        check_error(answer, 503)
        assert answer.json()["errors"][0]["code"] == "secrets_unavailable"
        check_error(await server.client.post(PATH, json={"name": "AWS_A", "value": VALUE, "type": "token"}), 400)
        assert (await server.client.get(PATH)).json() == {"data": []}
        check_error(await delete(server, "A"), 404)


@pytest.mark.slow
async def test_another_session_secret_lists_and_deletes_but_does_not_replace(tmp_path: Path) -> None:
    async with serving(SQLITE, tmp_path) as server:
        first = await set_(server, "A")
    async with serving(SQLITE, tmp_path, session_secret="n" * 64) as server:
        assert (await server.client.get(PATH)).json() == {"data": [first]}
        check_error(await server.client.post(PATH, json={"name": "A", "value": VALUE, "type": "token"}), 503)
        assert (await delete(server, "A")).status_code == 204
        await set_(server, "A")


@pytest.mark.slow
async def test_a_replaced_session_secret_seals_them_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(SQLITE, tmp_path) as server:
        first = await set_(server, "A")
    with caplog.at_level("INFO", logger="fabro.auth"):
        async with serving(SQLITE, tmp_path, session_secret="n" * 64, SESSION_SECRET_PREVIOUS=SESSION_SECRET):
            assert "1 documents were sealed anew" in caplog.text
    async with serving(SQLITE, tmp_path, session_secret="n" * 64) as server:
        assert (await set_(server, "A"))["created_at"] == first["created_at"]
