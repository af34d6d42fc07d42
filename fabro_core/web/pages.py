"""The pages, each a function from what it shows to HTML. No page carries a script or a style of its own
(server.md S11), so all of them work without scripts; what they look like is in `static/fabro.css`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from fabro_core.auth.base import LoginField, LoginOption
from fabro_core.web.rendering import render
from fabro_core.web.run_views import RunListView, RunPageView, When

LOGIN_FAILURES: Final = {
    "invalid_credentials": "That was not accepted. Check what you entered and try again.",
    "unauthorized": "You are who you say, but you may not use this server. Ask whoever runs it to let you in.",
    "access_denied": "You did not agree at the identity provider, so you are not signed in.",
    "server_error": "The identity provider did not answer as it should. Try again in a moment.",
}
"""What the login page says for each `error` that a sign-in ends with (auth.md A16)."""
_ANOTHER_FAILURE: Final = "The sign-in did not succeed. Try again."
"""For every other value of `error`, which is never shown (auth.md A16)."""

_HEADINGS: Final = {"login_state_invalid": "Sign-in failed"}
_ADVICE: Final = {
    "login_state_invalid": "It took too long, was finished already, or began in another browser. Start again.",
    "login_not_permitted": "You may not use this server. Ask whoever runs it to let you in, or sign out and sign in "
    "as somebody else.",
    "csrf_rejected": "What you sent came from another site. Open the page here and send it again.",
    "store_unavailable": "Nothing is lost. Reload this page in a few seconds.",
}
_WAYS_ON: Final = {
    "login_state_invalid": "sign in",
    "login_method_disabled": "sign in",
    "rate_limited": "sign in",
    "login_not_permitted": "sign out",
}


class Viewer(msgspec.Struct, frozen=True):
    """The person who looks at a page."""

    login: str
    method_label: str
    """How they signed in, such as `GitHub`."""


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A browser session, or a program's login, of the viewer."""

    id: str
    label: str
    program: str
    """What the browser or program calls itself; may be empty."""
    current: bool
    created: When
    last_used: When


class _OfferedLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A way to sign in, as the login page shows it."""

    name: str
    kind: str
    label: str
    login_url: str
    fields: tuple[LoginField, ...]


def error_page(*, status: int, title: str, detail: str, code: str | None, request_id: str, prefix: str) -> bytes:
    """What a browser gets instead of the error envelope (server.md S5), with a way on."""
    return render(
        "error.html",
        prefix,
        status=status,
        heading=_HEADINGS.get(code or "", title),
        detail=detail,
        advice=_ADVICE.get(code or ""),
        way_on="sign in" if status == 401 else _WAYS_ON.get(code or "", "runs"),
        request_id=request_id,
    )


def login_page(
    *,
    options: Mapping[str, LoginOption],
    methods: Sequence[str],
    base: str,
    prefix: str,
    error: str | None = None,
    return_to: str | None = None,
) -> bytes:
    """The ways to sign in by method, in the order of the settings (auth.md A16).

    Without any it says how to use the API with a token of one of `methods`; `base` is the public URL. `error` is what
    went wrong before, as the query has it. `return_to` is passed on; None: the sign-in leads to the default page.
    """
    offered = [
        _OfferedLogin(
            name=name,
            kind=option.kind,
            label=option.label,
            login_url=f"{prefix}/auth/login/{name}",
            fields=option.fields,
        )
        for name, option in options.items()
    ]
    failure = None if error is None else LOGIN_FAILURES.get(error, _ANOTHER_FAILURE)
    return render(
        "login.html", prefix, options=offered, methods=methods, base=base, failure=failure, return_to=return_to
    )


def cli_confirm_page(*, login: str, address: str, flow: str, action: str, prefix: str) -> bytes:
    """Asks a signed-in person whether a command-line program may have a login of its own (auth.md A19).

    `address` is where the program listens, IP address and port; `flow` what the form names as confirmed; `action` where
    the form is sent, an absolute path with the public prefix.
    """
    return render("confirm_cli.html", prefix, login=login, address=address, flow=flow, action=action)


def runs_page(*, viewer: Viewer, runs: RunListView, prefix: str) -> bytes:
    """One page of the list of runs."""
    return render("runs.html", prefix, viewer=viewer, listed=runs)


def run_page(*, viewer: Viewer, run: RunPageView, prefix: str) -> bytes:
    """A run in short."""
    return render("run.html", prefix, viewer=viewer, shown=run)


def account_page(*, viewer: Viewer, name: str, email: str, sign_ins: Sequence[SignIn], prefix: str) -> bytes:
    """What the viewer is signed in with. `name` and `email` may be empty."""
    return render("account.html", prefix, viewer=viewer, name=name, email=email, sign_ins=sign_ins)
