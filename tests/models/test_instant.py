"""Instants on the wire (runs.md R1.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.clock import epoch_ms
from fabro_core.models.instant import format_instant, parse_instant


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-03-02T10:15:30Z", "2026-03-02T10:15:30Z"),
        ("2026-03-02t10:15:30z", "2026-03-02T10:15:30Z"),
        ("2026-03-02T10:15:30.25Z", "2026-03-02T10:15:30.250Z"),
        ("2026-03-02T10:15:30.000250Z", "2026-03-02T10:15:30.000250Z"),
        ("2026-03-02T10:15:30.123456789Z", "2026-03-02T10:15:30.123456Z"),
        ("2026-03-02T12:15:30+02:00", "2026-03-02T10:15:30Z"),
        ("2026-03-02T00:15:30-11:30", "2026-03-02T11:45:30Z"),
        ("0999-03-02T10:15:30Z", "0999-03-02T10:15:30Z"),
    ],
)
def test_any_offset_and_precision_becomes_utc_with_0_3_or_6_digits(text: str, canonical: str) -> None:
    assert format_instant(parse_instant(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-02",
        "2026-03-02 10:15:30Z",
        "2026-03-02T10:15:30",
        "2026-13-02T10:15:30Z",
        "2026-03-02T10:15:30.Z",
        "2026-03-02T10:15:30.1234567890Z",
        "2026-03-02T25:15:30Z",
        "٢٠٢٦-03-02T10:15:30Z",
        "2026-03-02T10:15:30+0200",
    ],
)
def test_what_is_not_rfc_3339_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))
def test_formatting_loses_nothing(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(st.integers(min_value=0, max_value=4_000_000_000_000), st.integers(min_value=0, max_value=999))
def test_epoch_milliseconds_are_exact_and_rounded_down(ms: int, micros: int) -> None:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms, microseconds=micros)
    assert epoch_ms(instant) == ms
