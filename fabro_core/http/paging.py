"""Pages of lists that are complete by default (runs.md R15): cut only when a parameter asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from fabro_core.http.query import PageLimit, PageOffset, QueryParams

DEFAULT_LIMIT = 20

Item = TypeVar("Item")


class PageParams(QueryParams, frozen=True, kw_only=True):
    limit: PageLimit | None = msgspec.field(default=None, name="page[limit]")
    offset: PageOffset | None = msgspec.field(default=None, name="page[offset]")


class PageMeta(msgspec.Struct, frozen=True):
    has_more: bool


def cut(items: Sequence[Item], params: PageParams) -> tuple[Sequence[Item], PageMeta]:
    """The items of a page and what its answer says about it; all of them when no parameter was sent."""
    if params.limit is None and params.offset is None:
        return items, PageMeta(has_more=False)
    first = params.offset or 0
    after = first + (DEFAULT_LIMIT if params.limit is None else params.limit)
    return items[first:after], PageMeta(has_more=after < len(items))
