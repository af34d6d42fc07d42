"""Pages of lists that are at hand as a whole (runs.md R15)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from fabro_core.http.query import PageLimit, PageOffset, QueryParams

DEFAULT_LIMIT = 20

Item = TypeVar("Item")


class PageParams(QueryParams, frozen=True, kw_only=True):
    """Of lists that are complete by default: cut only when a parameter asks for it."""

    limit: PageLimit | None = msgspec.field(default=None, name="page[limit]")
    offset: PageOffset | None = msgspec.field(default=None, name="page[offset]")


class OffsetParams(QueryParams, frozen=True, kw_only=True):
    """Of lists that are always cut."""

    limit: PageLimit = msgspec.field(default=DEFAULT_LIMIT, name="page[limit]")
    offset: PageOffset = msgspec.field(default=0, name="page[offset]")


class PageMeta(msgspec.Struct, frozen=True):
    has_more: bool


def cut(items: Sequence[Item], params: PageParams) -> tuple[Sequence[Item], PageMeta]:
    """The items of a page and what its answer says about it; all of them when no parameter was sent."""
    if params.limit is None and params.offset is None:
        return items, PageMeta(has_more=False)
    return page(items, OffsetParams(limit=params.limit or DEFAULT_LIMIT, offset=params.offset or 0))


def page(items: Sequence[Item], params: OffsetParams) -> tuple[Sequence[Item], PageMeta]:
    """The items of a page and what its answer says about it."""
    first, after = params.offset, params.offset + params.limit
    return items[first:after], PageMeta(has_more=after < len(items))
