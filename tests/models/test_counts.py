"""Numbers that others tell stay within bounds, also when they are added up (server.md S10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.models.billing import BilledTokenCounts
from fabro_core.models.counts import MAX_COUNT, bounded, bounded_sum, read_count


@given(st.lists(st.integers(-MAX_COUNT, MAX_COUNT)))
def test_a_sum_is_exact_up_to_the_bound_and_the_bound_beyond_it(numbers: list[int]) -> None:
    exact = sum(numbers)
    assert bounded_sum(numbers) == (exact if abs(exact) <= MAX_COUNT else MAX_COUNT if exact > 0 else -MAX_COUNT)


def test_a_number_within_the_bounds_is_left_alone() -> None:
    assert [bounded(number) for number in (-MAX_COUNT, 0, MAX_COUNT)] == [-MAX_COUNT, 0, MAX_COUNT]


@given(st.integers(0, MAX_COUNT))
def test_digits_are_read_as_the_number_that_they_stand_for(number: int) -> None:
    assert read_count(str(number)) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1.0", "1_0", "\u0663", "\u00b2", str(2**53), "9" * 5_000])
def test_other_text_is_no_number(text: str) -> None:
    assert read_count(text) is None


def test_tokens_and_costs_add_up_within_the_bounds() -> None:
    most = BilledTokenCounts(**dict.fromkeys(BilledTokenCounts.__struct_fields__, MAX_COUNT))
    assert most + most == most
