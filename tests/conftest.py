"""Fixtures that every test may use."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something about the machine that runs it, and nothing about the code.
settings.register_profile("fabro", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fabro")


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, the only event loop the server uses."""
    return "asyncio"
