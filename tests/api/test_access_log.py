"""Which requests have a line of the access log at which level, and how long it may be (server.md S26)."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.api.conftest import Server

pytestmark = pytest.mark.anyio


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """Level and fields of what has been logged."""
    return [(each.levelname, vars(each)["fabro"]) for each in caplog.records if each.name == "fabro.access"]


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/api/v1/health"])
async def test_probes_do_not_hide_the_others(server: Server, caplog: pytest.LogCaptureFixture, path: str) -> None:
    caplog.set_level(logging.INFO, "fabro.access")
    await server.anonymous.get(path)
    await server.anonymous.get("/api/v1/auth/config")
    assert [fields["path"] for _, fields in lines(caplog)] == ["/api/v1/auth/config"]

    caplog.set_level(logging.DEBUG, "fabro.access")
    await server.anonymous.get(path)
    assert lines(caplog)[-1][0] == "DEBUG"


@pytest.mark.parametrize("length", [512, 513, 60_000])
async def test_a_long_path_is_cut(server: Server, caplog: pytest.LogCaptureFixture, length: int) -> None:
    caplog.set_level(logging.INFO, "fabro.access")
    path = "/".ljust(length, "x")
    await server.anonymous.get(path)

    ((_, fields),) = lines(caplog)
    assert fields["path"] == (path if length <= 512 else path[:512] + "…")
