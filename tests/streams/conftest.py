"""A server in this process on each store, and a second one on the same data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Server, serving


@pytest.fixture(params=["memory", "sqlite"])
def store_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def settings(store_kind: str) -> dict[str, Any]:
    return {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": store_kind}}}


@pytest.fixture
async def server(settings: dict[str, Any], tmp_path: Path, anyio_backend: str) -> AsyncIterator[Server]:
    async with serving(settings, tmp_path / "home") as server:
        yield server
