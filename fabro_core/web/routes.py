"""Routes of the web UI, registered only while it is enabled (server.md S2).

Pages answer browsers that carry a session; everything they show comes from where the API takes it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from litestar.exceptions import NotFoundException
from litestar.handlers import get

from fabro_core.auth.return_to import checked_return_to
from fabro_core.errors import NotFound
from fabro_core.http.query import QueryParams, parse_query
from fabro_core.http.reply import Reply, html_reply
from fabro_core.http.request import FabroRequest
from fabro_core.models.ids import parse_run_id
from fabro_core.models.instant import instant_of_ms
from fabro_core.runs.fold.wire import run_json_to_the_moment
from fabro_core.runs.views.listing import visible_buckets
from fabro_core.store.records import RunQuery
from fabro_core.web.account import get_account, submit_end
from fabro_core.web.assets import served_asset
from fabro_core.web.pages import login_page, run_page, runs_page
from fabro_core.web.run_views import list_view, run_page_view
from fabro_core.web.visits import page, viewer_of

RUNS_PER_PAGE: Final = 20
_MAX_PAGE: Final = 50_000
"""A list can be read to its millionth run (server.md S9)."""
_KEPT_FOR_GOOD: Final = (b"cache-control", b"public, max-age=31536000, immutable")


class LoginParams(QueryParams, frozen=True, kw_only=True):
    error: str | None = None
    return_to: str | None = None


class RunsParams(QueryParams, frozen=True, kw_only=True):
    page: Annotated[int, msgspec.Meta(ge=1, le=_MAX_PAGE)] = 1


@get("/login", include_in_schema=False)
async def get_login(request: FabroRequest) -> Reply:
    """How to sign in (auth.md A16)."""
    services = request.services
    params = parse_query(LoginParams, request.scope["query_string"])
    return html_reply(
        login_page(
            options=services.auth.options,
            methods=tuple(services.auth.methods),
            base=services.server_url,
            prefix=services.public_prefix,
            error=params.error,
            return_to=checked_return_to(params.return_to, prefix=services.public_prefix),
        )
    )


@get("/static/{name:str}", include_in_schema=False)
async def get_static(request: FabroRequest) -> Reply:
    """A static file; public, and the one thing here that may be cached (server.md S2, S11)."""
    asset = served_asset(request.scope["path_params"]["name"])
    if asset is None:
        raise NotFoundException
    return Reply(200, asset.body, ((b"content-type", asset.media_type), _KEPT_FOR_GOOD))


@page("/runs")
async def get_runs(request: FabroRequest) -> Reply:
    """The newest runs that are neither archived nor being removed."""
    services = request.services
    params = parse_query(RunsParams, request.scope["query_string"])
    now_ms = services.runs.now_ms()
    query = RunQuery(
        buckets=visible_buckets(None, include_archived=False),
        limit=RUNS_PER_PAGE,
        offset=(params.page - 1) * RUNS_PER_PAGE,
        now_ms=now_ms,
    )
    listed = await services.runs.list_json(query)
    runs = list_view(listed, number=params.page, page_size=RUNS_PER_PAGE, now=instant_of_ms(now_ms))
    return html_reply(runs_page(viewer=viewer_of(request), runs=runs, prefix=services.public_prefix))


@page("/runs/{id:str}")
async def get_run(request: FabroRequest) -> Reply:
    """One run; what is no run id is not found either."""
    services = request.services
    run_id = parse_run_id(request.scope["path_params"]["id"])
    if run_id is None:
        raise NotFound("There is no such run.")
    now_ms = services.runs.now_ms()
    body = run_json_to_the_moment(await services.runs.get(run_id), now_ms)
    shown = run_page_view(body, prefix=services.public_prefix, now=instant_of_ms(now_ms))
    return html_reply(run_page(viewer=viewer_of(request), run=shown, prefix=services.public_prefix))


@page("/runs/{id:str}/{rest:path}")
async def get_nothing(request: FabroRequest) -> Reply:
    """Deeper pages are none of ours; people without a session are asked to sign in all the same."""
    raise NotFoundException


PAGES: Final = (get_login, get_static, get_runs, get_run, get_nothing, get_account, submit_end)
"""Every route of the web UI but those below `/auth`."""
