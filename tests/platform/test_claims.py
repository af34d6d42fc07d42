"""Token prefixes of different methods must not overlap (auth.md A4)."""

from __future__ import annotations

import pytest

from fabro_core.plugins.claims import prefix_problems


def test_distinct_prefixes_are_accepted() -> None:
    assert prefix_problems([("one", ("acme_", "acne_")), ("two", ("fabro_dev_",)), ("three", ())]) == []


@pytest.mark.parametrize(("first", "second"), [("acme_", "acme_"), ("acme_", "acme_x_"), ("acme_x_", "acme_")])
def test_a_prefix_that_begins_with_anothers_is_a_problem_of_the_later_one(first: str, second: str) -> None:
    (problem,) = prefix_problems([("one", (first,)), ("two", (second,))])

    assert problem.line() == f'two: the token prefix "{second}" overlaps "{first}" of one'


@pytest.mark.parametrize("prefix", ["fabro_refresh_", "fabro_", "fabro_refresh_x", "eyJ", "e", "eyJhbG"])
def test_a_prefix_that_overlaps_a_reserved_one_is_a_problem(prefix: str) -> None:
    (problem,) = prefix_problems([("one", (prefix,))])

    assert "reserved" in problem.message


@pytest.mark.parametrize("prefixes", ["acme_", ("",), (None,), ["acme_"]])
def test_prefixes_that_are_no_tuple_of_text_are_a_problem(prefixes: object) -> None:
    (problem,) = prefix_problems([("one", prefixes)])

    assert problem.message == "token_prefixes must be a tuple of non-empty strings"


def test_one_method_may_have_prefixes_that_overlap() -> None:
    assert prefix_problems([("one", ("acme_", "acme_x_"))]) == []
