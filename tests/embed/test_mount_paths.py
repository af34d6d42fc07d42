"""What is below a prefix and what only begins like it (server.md S13)."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import pytest

from fabro_core.http.mount import below, below_root_path


def scope_of(path: str, root_path: str = "", **members: Any) -> dict[str, Any]:
    """The scope of a request for a percent-encoded path."""
    return {"type": "http", "path": unquote(path), "raw_path": path.encode(), "root_path": root_path, **members}


@pytest.mark.parametrize(
    ("path", "prefix", "inner"),
    [
        ("/fabro", "/fabro", "/"),
        ("/fabro/", "/fabro", "/"),
        ("/fabro/health", "/fabro", "/health"),
        ("/fabro/health/", "/fabro", "/health/"),
        ("/fabro//health", "/fabro", "/health"),
        ("/fabro//health", "/fabro/", "/health"),
        ("/fabro/fabro/health", "/fabro", "/fabro/health"),
        ("/fabro/api/v1/runs/a%2Fb", "/fabro", "/api/v1/runs/a%2Fb"),
        ("/fabro%2Fhealth", "/fabro", "/health"),
        ("/f%61bro/health", "/fabro", "/health"),
        ("/%66%61%62%72%6F/health", "/fabro", "/health"),
        ("/caf%C3%A9/%C3%A9", "/café", "/%C3%A9"),
        ("/a%20b/health", "/a b", "/health"),
        ("/100%25/x", "/100%", "/x"),
        ("/health", "/", "/health"),
    ],
)
def test_a_path_below_a_prefix_is_seen_without_it_in_both_spellings(path: str, prefix: str, inner: str) -> None:
    for seen in (below(scope_of(path), prefix), below_root_path(scope_of(path, prefix))):
        assert seen is not None
        assert (seen["path"], seen["raw_path"]) == (unquote(inner), inner.encode())


@pytest.mark.parametrize("path", ["/fabrox", "/fabrox/health", "/fabr", "/", "/FABRO/health", "/x/fabro", "/fabro%00"])
def test_a_path_that_only_begins_like_the_prefix_is_not_below_it(path: str) -> None:
    scope = scope_of(path, "/fabro")

    assert below(scope, "/fabro") is None
    assert below_root_path(scope) is scope


def test_a_raw_path_without_the_prefix_stays() -> None:
    seen = below(scope_of("/fabro/a%2Fb") | {"raw_path": b"/a%2Fb"}, "/fabro")

    assert seen is not None
    assert (seen["path"], seen["raw_path"]) == ("/a/b", b"/a%2Fb")


def test_a_server_that_gives_no_raw_path_gets_none() -> None:
    scope = {"type": "http", "path": "/fabro/health"}

    seen = below(scope, "/fabro")

    assert seen == {"type": "http", "path": "/health", "root_path": ""}


def test_the_scope_of_the_host_is_left_alone() -> None:
    scope = scope_of("/fabro/health", "/fabro")
    before = dict(scope)

    below_root_path(scope)

    assert scope == before


def test_a_mount_of_starlette_behind_a_proxy_that_strips_its_root_path() -> None:
    """Starlette then says `/outer/fabro` for the root path, while the path has never had `/outer`."""
    seen = below_root_path(scope_of("/fabro/health", "/outer/fabro", app_root_path="/outer"))

    assert (seen["path"], seen["raw_path"]) == ("/health", b"/health")


def test_both_spellings_of_a_path_stay_the_same_path() -> None:
    seen = below(scope_of("/f%61bro%2f%2Fhealth%252F"), "/fabro")

    assert seen is not None
    assert seen["path"] == unquote_to_bytes(seen["raw_path"]).decode() == "/health%2F"
