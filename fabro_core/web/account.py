"""The page about the person who looks at it: their sign-ins, each with a button that ends it (auth.md A18)."""

from __future__ import annotations

from typing import Final

from fabro_core.auth.sessions import COOKIE
from fabro_core.http.call import Call
from fabro_core.http.path import PathParams
from fabro_core.http.reply import Reply, html_reply, see_other
from fabro_core.models.instant import format_instant, instant_of_ms
from fabro_core.web.pages import SignIn, account_page
from fabro_core.web.run_views import when
from fabro_core.web.visits import form_target, page, viewer_of

PATH = "/account"


class SignInPath(PathParams, frozen=True, kw_only=True):
    id: str
    """As the page names it."""


@page(PATH)
async def get_account(call: Call) -> Reply:
    """Everything that the person is signed in with."""
    services = call.services
    now = instant_of_ms(services.runs.now_ms())
    sign_ins = [
        SignIn(
            id=str(each.ref),
            label=each.label,
            program=each.user_agent or "",
            current=each.current,
            created=when(format_instant(each.created), now),
            last_used=when(format_instant(each.last_seen), now),
        )
        for each in await services.auth.lasting.of(call.user)
    ]
    identity = call.user.identity
    shown = account_page(
        viewer=viewer_of(call),
        name=identity.name,
        email=identity.email,
        sign_ins=sign_ins,
        prefix=services.public_prefix,
    )
    return html_reply(shown)


@form_target(f"{PATH}/sign-ins/{{id}}/end", of_page=PATH)
async def submit_end(call: Call[SignInPath]) -> Reply:
    """End one of the person's sign-ins; whoever ends the one they use is signed out."""
    services = call.services
    if await services.auth.lasting.end(call.path.id, call.user, call.visitor):
        return see_other(f"{services.public_prefix}/login", services.cookies.clear(COOKIE))
    return see_other(services.public_prefix + PATH)


ROUTES: Final = (get_account, submit_end)
