"""Fixtures that every test may use."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.testing.turns import VARIABLE, settle_turn

# How long an example takes says something about the machine that runs it, and nothing about the code.
settings.register_profile("fabro", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fabro")


def pytest_report_header() -> str:
    return f"mutants of this turn: {VARIABLE}={settle_turn()}"


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, the only event loop the server uses."""
    return "asyncio"
