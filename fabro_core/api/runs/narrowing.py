"""What a list of runs can be narrowed by, beyond what existing clients ask (runs.md R7.5). Empty values ask nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Final

import msgspec

from fabro_core.clock import epoch_ms
from fabro_core.errors import InvalidRequest
from fabro_core.http.path import require_run_id
from fabro_core.http.query import QueryParams
from fabro_core.models.instant import parse_instant
from fabro_core.models.principal import Principal, PrincipalUser
from fabro_core.runs.fold import facets

ME: Final = "me"
MOST_WORDS: Final = 8
LONGEST_SEARCH: Final = 200
MOST_LABELS: Final = 16


def _told(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class NarrowingParams(QueryParams, frozen=True, kw_only=True):
    parent_id: Annotated[str | None, _told("Only children of this run; empty: all runs.")] = None
    automation_id: Annotated[str | None, _told("Only runs that this automation has made.")] = None
    workflow: Annotated[str | None, _told("Only runs whose workflow has this slug or name.")] = None
    repo: Annotated[str | None, _told("Only runs on this repository.")] = None
    created_by: Annotated[str | None, _told("Only runs of somebody with this login; `me`: the caller's.")] = None
    label: Annotated[tuple[str, ...], _told("`KEY=VALUE` or `KEY`: only runs with all of these labels.")] = ()
    created_from: Annotated[str | None, _told("RFC 3339: only runs created then or later.")] = None
    created_to: Annotated[str | None, _told("RFC 3339: only runs created earlier.")] = None
    q: Annotated[str | None, _told("Only runs with all of these words in their titles.")] = None


def facets_asked(asked: NarrowingParams, caller: Principal) -> tuple[str, ...]:
    """The facets that runs must have. Raises `InvalidRequest`."""
    return tuple(dict.fromkeys(_facets(asked, caller)))


def _facets(asked: NarrowingParams, caller: Principal) -> Iterator[str]:
    if asked.parent_id:
        yield facets.of_parent(require_run_id(asked.parent_id, 'The query parameter "parent_id"'))
    if asked.automation_id:
        yield facets.of_automation(asked.automation_id)
    if asked.workflow:
        yield facets.of_workflow(asked.workflow)
    if asked.repo:
        yield facets.of_repository(asked.repo)
    if asked.created_by == ME:
        if not isinstance(caller, PrincipalUser):
            raise InvalidRequest('The query parameter "created_by" is "me", and a worker creates no runs of its own.')
        yield facets.of_identity(caller.identity.issuer, caller.identity.subject)
    elif asked.created_by:
        yield facets.of_login(asked.created_by)
    if len(asked.label) > MOST_LABELS:
        raise InvalidRequest(f'The query parameter "label" is given at most {MOST_LABELS} times.')
    for label in filter(None, asked.label):
        key, equals, value = label.partition("=")
        if not key:
            raise InvalidRequest('The query parameter "label" is KEY=VALUE or KEY.')
        yield facets.of_label(key, value if equals else None)


def instant_asked(name: str, text: str | None) -> int | None:
    """The first whole millisecond since the epoch that is not before an instant; None when none is asked for. Raises
    `InvalidRequest`."""
    if not text:
        return None
    try:
        instant = parse_instant(text)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f'The query parameter "{name}" is not an RFC 3339 date and time.') from error
    return epoch_ms(instant + timedelta(microseconds=999))


def words_asked(text: str | None) -> tuple[str, ...]:
    """The words of a search. Raises `InvalidRequest`."""
    if not text:
        return ()
    words = tuple(dict.fromkeys(text.casefold().split()))
    if len(text) > LONGEST_SEARCH:
        raise InvalidRequest(f'The query parameter "q" has at most {LONGEST_SEARCH} characters.')
    if len(words) > MOST_WORDS:
        raise InvalidRequest(f'The query parameter "q" has at most {MOST_WORDS} words.')
    return words
