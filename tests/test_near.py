"""Near matches: one rule for every name that somebody can mistype."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.near import MIN_SIMILARITY, NearMatches, near_match


@pytest.mark.parametrize(
    ("word", "names", "near"),
    [
        ("imge", ["image", "provider"], "image"),
        ("rnu", ["run"], "run"),
        ("aaabb", ["aaacc"], "aaacc"),  # 2 edits of 5: just near
        ("aabb", ["aacc"], None),
        ("abc", ["abcdef"], None),
        ("", ["a"], None),
        ("run", ["run"], None),
        ("ruhn", ["ruin", "ruhr", "run"], "ruin"),
        ("ünlt", ["unit", "ünit"], "ünit"),
        ("x" * 120 + "y", ["x" * 121], "x" * 121),
        ("x" * 300, ["x" * 301], None),
    ],
)
def test_the_nearest_name_of_those_that_are_near_enough(word: str, names: list[str], near: str | None) -> None:
    assert near_match(word, names) == near


WORDS = st.text("abc", min_size=1, max_size=12)


def least_edits(one: str, other: str) -> int:
    """By the definition, from the ends of both."""
    if not one or not other:
        return len(one) + len(other)
    ways = [
        least_edits(one[1:], other) + 1,
        least_edits(one, other[1:]) + 1,
        least_edits(one[1:], other[1:]) + (one[0] != other[0]),
    ]
    if len(one) > 1 and len(other) > 1 and one[:2] == other[1::-1]:
        ways.append(least_edits(one[2:], other[2:]) + 1)
    return min(ways)


@given(st.text("abc", min_size=1, max_size=6), st.text("abc", min_size=1, max_size=6))
def test_a_name_is_near_by_its_edits(word: str, name: str) -> None:
    similarity = 1 - least_edits(word, name) / max(len(word), len(name))
    assert (near_match(word, [name]) == name) is (word != name and similarity >= MIN_SIMILARITY)


@given(WORDS, WORDS)
def test_nearness_is_mutual(one: str, other: str) -> None:
    assert (near_match(one, [other]) is None) == (near_match(other, [one]) is None)


def test_the_work_of_many_mistakes_is_bounded() -> None:
    names, near = [f"{'n' * 190}{number:04}" for number in range(5_000)], NearMatches()
    found = [near.of(f"{'n' * 190}{number}", names) for number in range(5_000, 5_050)]
    assert found[0] is not None
    assert found[-1] is None
