"""Collections on two instances of one store, as two servers have them."""

from __future__ import annotations

import pytest

from fabro_core.testing.clock import ManualClock
from tests.replicas import replicas as replicas  # a fixture
from tests.replicas import shared_valkey as shared_valkey  # another


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
