"""How ages and durations read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fabro_core.web.run_views import age, duration, when

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=30), "2026-07-02"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(past: timedelta, words: str) -> None:
    assert age(NOW - past, NOW) == words


def test_an_instant_is_also_told_exactly() -> None:
    seen = when("2026-08-01T11:00:00.123Z", NOW)
    assert (seen.exact, seen.age, seen.instant) == ("2026-08-01 11:00:00 UTC", "59 min ago", "2026-08-01T11:00:00.123Z")


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 s"),
        (999, "0 s"),
        (42_000, "42 s"),
        (60_000, "1 min"),
        (65_000, "1 min 5 s"),
        (3_600_000, "1 h"),
        (3_605_000, "1 h"),
        (3_900_000, "1 h 5 min"),
        (90_000_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(milliseconds: int, words: str) -> None:
    assert duration(milliseconds) == words
