"""Durations and sizes (run-settings.md T3.9, T9)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.runs.settings.units import (
    MAX_BYTES,
    MAX_MILLISECONDS,
    milliseconds,
    shown_duration,
    shown_size,
    size_in_bytes,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0s", 0), ("5ms", 5), ("90s", 90_000), ("5m", 300_000), ("1h", 3_600_000), ("2d", 172_800_000), (" 7s\n", 7_000)],
)
def test_a_duration_has_one_unit(text: str, value: int) -> None:
    assert milliseconds(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "1h30m",
        "-5s",
        "+5s",
        "1.5h",
        "5 s",
        "5S",
        "5sec",
        "5us",
        "\u0665s",
        "9999999999999999999d",
        "1" * 99,
    ],
)
def test_anything_else_is_no_duration(text: str) -> None:
    assert milliseconds(text) is None


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("0", 0),
        ("8", 8 * 10**9),
        (8, 8 * 10**9),
        ("1B", 1),
        ("2KB", 2_000),
        ("2 MB", 2 * 10**6),
        ("3GB", 3 * 10**9),
        ("4TB", 4 * 10**12),
        ("1KiB", 1024),
        ("512MiB", 512 * 2**20),
        ("1 GiB", 2**30),
        ("1TiB", 2**40),
        ("18446744073709551615B", MAX_BYTES),
    ],
)
def test_a_size_has_a_unit_or_counts_gigabytes(value: str | int, size: int) -> None:
    assert size_in_bytes(value) == size


@pytest.mark.parametrize(
    "value", ["", "GB", "1.5GB", "-1GB", -1, "8gb", "8Gb", "8 GB 1", "8G", "18446744073709551616B", 2**63 - 1, "9" * 99]
)
def test_anything_else_is_no_size(value: str | int) -> None:
    assert size_in_bytes(value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0s"), (3_600_000, "1h"), (5_400_000, "90m"), (86_400_000, "1d"), (1_500, "1500ms"), (61_000, "61s")],
)
def test_a_duration_is_shown_in_the_largest_unit_that_divides_it(value: int, text: str) -> None:
    assert shown_duration(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0B"), (8 * 10**9, "8GB"), (512 * 2**20, "536870912B"), (10**9, "1GB"), (10**12, "1TB"), (1_500, "1500B")],
)
def test_a_size_is_shown_in_the_largest_unit_that_divides_it(value: int, text: str) -> None:
    assert shown_size(value) == text


@given(st.integers(0, MAX_MILLISECONDS))
def test_a_shown_duration_is_the_same_when_it_is_read(value: int) -> None:
    assert milliseconds(shown_duration(value)) == value


@given(st.integers(0, MAX_BYTES))
def test_a_shown_size_is_the_same_when_it_is_read(value: int) -> None:
    assert size_in_bytes(shown_size(value)) == value
