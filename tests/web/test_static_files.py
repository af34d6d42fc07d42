"""Static files: public, and kept by browsers until their content changes (server.md S2, S11)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest

import fabro_core
from fabro_core.web.assets import asset_path, served_asset
from tests.api.conftest import in_memory, serving
from tests.web.conftest import browsing
from tests.web.markup import links_of

pytestmark = pytest.mark.anyio

FILES = {path.name: path.read_bytes() for path in (Path(fabro_core.__file__).parent / "web" / "static").iterdir()}
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@pytest.mark.parametrize("name", FILES)
async def test_a_file_is_served_to_everybody_and_kept_for_good(visitor: httpx.AsyncClient, name: str) -> None:
    answer = await visitor.get(asset_path(name))
    assert (answer.status_code, answer.content) == (200, FILES[name])
    assert answer.headers["content-type"] == MEDIA_TYPES[Path(name).suffix]
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = await visitor.head(asset_path(name))
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("name", FILES)
def test_the_name_of_a_file_changes_with_its_content(name: str) -> None:
    digest = hashlib.sha256(FILES[name]).hexdigest()
    stem, suffix = name.split(".")
    assert asset_path(name) == f"/static/{stem}.{digest[:16]}.{suffix}"


@pytest.mark.parametrize("name", ["fabro.css", "fabro.0000000000000000.css", "..%2Fpages.py", "%00", "a/b"])
async def test_nothing_else_is_served(visitor: httpx.AsyncClient, name: str) -> None:
    answer = await visitor.get(f"/static/{name}")
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    assert served_asset(name) is None


async def test_what_a_page_loads_is_there(visitor: httpx.AsyncClient) -> None:
    loaded = {link for link in links_of((await visitor.get("/login")).text) if link.startswith("/static/")}
    assert {Path(link).suffix for link in loaded} == {".css", ".svg"}
    for link in loaded:
        assert (await visitor.get(link)).status_code == 200


async def test_without_pages_there_are_no_static_files(tmp_path: Path) -> None:
    async with serving(in_memory(web={"enabled": False}), tmp_path) as server, browsing(server) as client:
        assert (await client.get(asset_path("fabro.css"))).json()["errors"][0]["code"] == "route_not_found"
