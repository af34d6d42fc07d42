"""Servers to log in to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.client.sites import Site, site


@pytest.fixture
async def github(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    """A server that people log in to with GitHub, or with its dev token."""
    async with site(tmp_path, "github", "dev-token") as it:
        yield it


@pytest.fixture
async def dev_only(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Site]:
    """A server that knows nothing but its dev token."""
    async with site(tmp_path, "dev-token") as it:
        yield it
