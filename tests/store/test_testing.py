"""What `fabro_core.testing` ships besides the kit."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import fabro_core.testing
from fabro_core.testing import ManualClock


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(datetime(2026, 3, 2, 12, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == clock.now() == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert clock.now().tzinfo is UTC
    clock.advance(timedelta(milliseconds=250))
    assert clock.now() == datetime(2026, 3, 2, 10, 0, 0, 250_000, tzinfo=UTC)


def test_importing_the_package_needs_neither_pytest_nor_hypothesis() -> None:
    script = "import sys, fabro_core.testing; sys.exit(bool({'pytest', 'hypothesis'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_kit_is_found_under_the_packages_name() -> None:
    from fabro_core.testing.store import StoreConformance

    assert fabro_core.testing.StoreConformance is StoreConformance
    assert not hasattr(fabro_core.testing, "NoSuchKit")
