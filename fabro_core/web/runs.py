"""The pages of runs. Everything they show comes from where the API takes it."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from fabro_core.errors import NotFound
from fabro_core.http.call import Call
from fabro_core.http.methods import RouteNotFound
from fabro_core.http.path import PathParams, Segment
from fabro_core.http.query import QueryParams
from fabro_core.http.reply import Reply, html_reply
from fabro_core.models.ids import parse_run_id
from fabro_core.models.instant import instant_of_ms
from fabro_core.runs.views.listing import visible_buckets
from fabro_core.store.records import RunQuery
from fabro_core.web.pages import run_page, runs_page
from fabro_core.web.run_views import list_view, run_page_view
from fabro_core.web.visits import page, viewer_of

RUNS_PER_PAGE: Final = 20
_MAX_PAGE: Final = 50_000
"""A list can be read to its millionth run (server.md S9)."""


class PagePath(PathParams, frozen=True, kw_only=True):
    id: Segment
    """What is no run id is a page that is not there."""


class RunsParams(QueryParams, frozen=True, kw_only=True):
    page: Annotated[int, msgspec.Meta(ge=1, le=_MAX_PAGE)] = 1


@page("/runs")
async def get_runs(call: Call[None, RunsParams]) -> Reply:
    """The newest runs that are neither archived nor being removed."""
    services = call.services
    now_ms = services.runs.now_ms()
    query = RunQuery(
        buckets=visible_buckets(None, include_archived=False),
        limit=RUNS_PER_PAGE,
        offset=(call.query.page - 1) * RUNS_PER_PAGE,
        now_ms=now_ms,
    )
    listed = await services.runs.list_json(query)
    runs = list_view(listed, number=call.query.page, page_size=RUNS_PER_PAGE, now=instant_of_ms(now_ms))
    return html_reply(runs_page(viewer=viewer_of(call), runs=runs, prefix=services.public_prefix))


@page("/runs/{id}")
async def get_run(call: Call[PagePath]) -> Reply:
    """One run; what is no run id is not found either."""
    services = call.services
    run_id = parse_run_id(call.path.id)
    if run_id is None:
        raise NotFound("There is no such run.")
    now_ms = services.runs.now_ms()
    body = services.runs.json_to_the_moment(await services.runs.get(run_id))
    shown = run_page_view(body, prefix=services.public_prefix, now=instant_of_ms(now_ms))
    return html_reply(run_page(viewer=viewer_of(call), run=shown, prefix=services.public_prefix))


@page("/runs/{id}/{rest:path}")
async def get_nothing(call: Call) -> Reply:
    """Deeper pages are none of ours; people without a session are asked to sign in all the same."""
    raise RouteNotFound


ROUTES: Final = (get_runs, get_run, get_nothing)
