"""Query parameters (runs.md R1.5, server.md S9)."""

from __future__ import annotations

import contextlib
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.errors import InvalidRequest
from fabro_core.http.query import PageLimit, PageOffset, QueryParams, query_parser


class Params(QueryParams, frozen=True, kw_only=True):
    limit: PageLimit = msgspec.field(default=20, name="page[limit]")
    offset: PageOffset = msgspec.field(default=0, name="page[offset]")
    force: bool = False
    sort: Literal["up", "down"] = "up"
    status: tuple[Literal["a", "b"], ...] = ()
    parent: str | None = None


class Required(QueryParams, frozen=True, kw_only=True):
    selector: str


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", Params()),
        (b"unknown=1&unknown=2", Params()),
        (b"page[limit]=7", Params(limit=7)),
        (b"page%5Blimit%5D=7", Params(limit=7)),
        (b"page%5blimit%5d=7&page[offset]=3", Params(limit=7, offset=3)),
        (b"page[limit]=0", Params(limit=1)),
        (b"page[limit]=101", Params(limit=100)),
        (b"page[limit]=4294967295", Params(limit=100)),
        (b"page[limit]=007", Params(limit=7)),
        (b"page[offset]=4294967295", Params(offset=1_000_000)),
        (b"force=true", Params(force=True)),
        (b"force=false", Params(force=False)),
        (b"sort=down", Params(sort="down")),
        (b"status=a", Params(status=("a",))),
        (b"status=b&status=a&status=b", Params(status=("b", "a", "b"))),
        (b"parent=", Params(parent="")),
        (b"parent=%C3%A9+%2B", Params(parent="é +")),
    ],
)
def test_valid_parameters(query: bytes, expected: Params) -> None:
    assert query_parser(Params)(query) == expected


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (b"page[limit]=-1", "page[limit]"),
        (b"page[limit]=+1", "page[limit]"),
        (b"page[limit]=1.0", "page[limit]"),
        (b"page[limit]=", "page[limit]"),
        (b"page[limit]=%20", "page[limit]"),
        (b"page[limit]=abc", "page[limit]"),
        (b"page[limit]=1_0", "page[limit]"),
        (b"page[limit]=%D9%A3", "page[limit]"),
        (b"page[limit]=4294967296", "page[limit]"),
        (b"page[limit]=99999999999999999999", "page[limit]"),
        (b"page[limit]=1&page%5Blimit%5D=1", "page[limit]"),
        (b"page[offset]=-1", "page[offset]"),
        (b"force=1", "force"),
        (b"force=True", "force"),
        (b"force=", "force"),
        (b"force=true&force=true", "force"),
        (b"sort=Up", "sort"),
        (b"sort=", "sort"),
        (b"sort=up&sort=up", "sort"),
        (b"status=", "status"),
        (b"status=a,b", "status"),
        (b"status=a&status=c", "status"),
        (b"parent=x&parent=y", "parent"),
    ],
)
def test_a_parameter_that_is_not_valid_is_refused_by_name(query: bytes, name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        query_parser(Params)(query)
    assert f'"{name}"' in refusal.value.detail


def test_a_missing_required_parameter_is_named() -> None:
    with pytest.raises(InvalidRequest, match='"selector" is required'):
        query_parser(Required)(b"other=1")


def test_percent_encoded_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="UTF-8"):
        query_parser(Params)(b"parent=%FF")


@given(st.binary())
def test_no_query_string_makes_the_parser_fall_over(query: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        query_parser(Params)(query)
